/** Which runs a command line means, and whether that is really meant. */
import { createInterface } from 'node:readline/promises'
import { type Command, Option } from 'commander'
import type { Client } from '../../client/client.ts'
import { filterParameters } from '../../client/options/parameters.ts'
import type { Preview, PreviewVerb } from '../../client/views/preview.ts'
import type { ControlTarget, Scope } from '../../client/options/targets.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { RunFilter } from '../../core/filter.ts'
import { given } from './parameters.ts'
import { Declined, type Session } from './session.ts'

/** Adds the options of a command that asks before it applies a filter. */
export function addConsent(command: Command): Command {
  return command
    .addOption(new Option('--yes', 'do not ask before a filter is applied'))
    .addOption(new Option('--preview', 'say what a filter would be applied to; nothing is done'))
}

/** The runs of the ids, the run that holds a key, or those of a filter. */
export function targetOf(session: Session, ids: readonly string[]): ControlTarget {
  const filter = filterOf(session)
  if (filter === null && ids.length > 0) return ids
  if (ids.length > 0) throw usage('Give ids, or say which runs by options, not both')
  if (filter !== null) return keyIn(filter) ?? { filter }
  throw usage(
    'No runs are named',
    'Give ids, --task and --key, or other options such as --tag; --all means every run.',
  )
}

/** The filter that the options name; null where they name none. */
export function filterOf({ options }: Session): RunFilter | null {
  const filter = given(filterParameters, options) as RunFilter
  return Object.keys(filter).length > 0 || options['all'] === true ? filter : null
}

function keyIn(filter: RunFilter): ControlTarget | null {
  const { task, key, ...others } = filter
  const isKey = task !== undefined && key !== undefined && Object.keys(others).length === 0
  return isKey ? { task, key } : null
}

/** The task or queue that is meant as a whole, or everything; null where runs are meant that there are. */
export function scopeOf(session: Session, ids: readonly string[]): Scope | null {
  const filter = filterOf(session)
  if (filter === null || ids.length > 0) return null
  const { task, queue, ...others } = filter
  if (Object.keys(others).length > 0) return null
  const lane = queue === undefined ? {} : { queue }
  if (task !== undefined) return { task, ...lane }
  return queue === undefined ? { all: true } : { queue }
}

/** Says what the filter would be applied to, if that is all that is wanted; whether it is. */
export async function isPreviewed(session: Session, verb: PreviewVerb): Promise<boolean> {
  if (session.options['preview'] !== true) return false
  const filter = filterOf(session)
  if (filter === null) throw usage('--preview is for a filter', 'Say which runs by options.')
  const preview = await session.withClient((client) => client.preview(verb, filter))
  session.answer(preview, () => [previewWords(preview)])
  return true
}

/** Asks where a filter is meant, having said how many runs that would be. */
export async function agree(
  session: Session,
  client: Client,
  { verb, filter }: Pick<Preview, 'verb' | 'filter'>,
): Promise<void> {
  await agreeTo(session, async () => previewWords(await client.preview(verb, filter)))
}

/**
 * Asks, unless `--yes` has answered that; where nobody can answer, it must have.
 * @param say what would be done. @throws {Declined} @throws {CheckreinError} `USAGE`.
 */
export async function agreeTo(session: Session, say: () => Promise<string>): Promise<void> {
  if (session.options['yes'] === true) return
  const preview = await say()
  if (session.isJson || !process.stdin.isTTY || !process.stdout.isTTY)
    throw usage(preview, 'Nothing was done. Give --yes to do it.')
  const readline = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await readline
    .question(`${preview}. Go on? [y/N] `)
    .finally(() => readline.close())
  if (!/^y(es)?$/i.test(answer.trim())) throw new Declined()
}

/** The filter of a target that is one; an array has a `filter` too. */
export function filterIn(target: ControlTarget): RunFilter | null {
  const isFilter = typeof target === 'object' && !Array.isArray(target) && 'filter' in target
  return isFilter ? (target as { readonly filter: RunFilter }).filter : null
}

/** Counts in words: `3 queued, 1 running`. */
export const each = (counts: object): string =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')

/** `1 run`, `2 runs` */
export const runCount = (count: number): string => `${count} ${count === 1 ? 'run' : 'runs'}`

/** Tells how many runs a verb on a filter would be for, and their answers. */
export function previewWords({ verb, totalCount, counts, answers }: Preview): string {
  const what = `This would ${verb} ${runCount(totalCount)}`
  return totalCount === 0 ? what : `${what}: ${each(counts)}; answers: ${each(answers)}`
}

/** Makes the error of a command line that is not well formed. */
export const usage = (message: string, hint?: string): CheckreinError =>
  new CheckreinError('USAGE', { message, ...(hint === undefined ? {} : { hint }) })
