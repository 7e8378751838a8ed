/** `retry`: tries runs that have ended again, each as a new run. */
import { type Command, Option } from 'commander'
import type { Client } from '../../client/client.ts'
import { operations } from '../../client/operations/operations.ts'
import type { RetryOptions } from '../../client/options/options.ts'
import type { RetryTarget } from '../../client/options/targets.ts'
import type { Retried } from '../../client/requests/retry.ts'
import { errorCodes } from '../../core/errors.ts'
import { type RunFilter, statesOf } from '../../core/filter.ts'
import { isNotUndone } from '../../core/run/rollback.ts'
import { finalStates, type State } from '../../core/run/transitions.ts'
import { given } from '../session/parameters.ts'
import { act, commandFor, type Session } from '../session/session.ts'
import { addConsent, agreeTo, each, filterOf, runCount, usage } from '../session/targets.ts'
import { plain, style } from '../text/output.ts'
import { jsonOf } from './enqueue.ts'

/** Adds `retry`. */
export function retryCommand(program: Command): void {
  const command = addConsent(commandFor(program, 'retry')).addOption(
    new Option(
      '--new-input <json>',
      'for one id: the input of the new run; - reads it from standard input',
    ),
  )
  act(command, retry)
}

async function retry(session: Session): Promise<number> {
  const [ids] = session.args as [string[]]
  const filter = filterOf(session)
  const target = targetOf(ids, filter)
  const input = await jsonOf(session.options['newInput'] as string | undefined, 'input')
  const who = given(operations.retry.options, session.options)
  const options: RetryOptions = { ...who, ...(input === undefined ? {} : { input }) }
  const only = options.rollback === true
  return session.withClient(
    async (client) => {
      if (session.options['preview'] === true) return preview(session, only, { client, filter })
      if (filter !== null)
        await agreeTo(session, async () => previewWords(await previewOf(client, filter, only)))
      const answers = await client.retry(target, options)
      session.answer(answers, () => (answers.length === 0 ? ['no runs'] : answers.map(answerLine)))
      return filter === null ? exitCode(answers) : 0
    },
    { isPatient: true },
  )
}

function targetOf(ids: readonly string[], filter: RunFilter | null): RetryTarget {
  if (ids.length > 0 && filter !== null)
    throw usage('Give ids, or say which runs by options, not both')
  if (filter !== null) return { filter }
  if (ids.length > 0) return ids
  throw usage(
    'No runs are named',
    'Give ids, or options such as --tag and --state failed; --all means every run that has ended.',
  )
}

/** The runs of a filter that would be tried again. */
interface Preview {
  readonly verb: 'retry'
  readonly filter: RunFilter
  readonly totalCount: number
  readonly counts: Readonly<Record<string, number>>
  /** Whether only their roll-backs would be. */
  readonly rollback: boolean
}

async function previewOf(client: Client, filter: RunFilter, only: boolean): Promise<Preview> {
  const wanted = statesOf(filter)
  const all: Partial<Record<State, number>> = only
    ? await notUndone(client, filter)
    : await client.counts(filter)
  const meant = finalStates.filter(
    (state) => (all[state] ?? 0) > 0 && (wanted.length === 0 || wanted.includes(state)),
  )
  const counts = Object.fromEntries(meant.map((state) => [state, all[state] ?? 0]))
  const totalCount = meant.reduce((sum, state) => sum + (all[state] ?? 0), 0)
  return { verb: 'retry', filter, totalCount, counts, rollback: only }
}

/** Counts the runs whose roll-back came to nothing and was not tried again, in each final state. */
async function notUndone(
  client: Client,
  filter: RunFilter,
): Promise<Partial<Record<State, number>>> {
  const counts: Partial<Record<State, number>> = {}
  for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined;) {
    isFirst = false
    const page: Awaited<ReturnType<Client['list']>> = await client.list(
      { ...filter, state: finalStates },
      { limit: 500, ...(cursor === undefined ? {} : { cursor }) },
    )
    for (const { state, rollback } of page.runs)
      if (isNotUndone(rollback)) counts[state] = (counts[state] ?? 0) + 1
    cursor = page.cursor ?? undefined
  }
  return counts
}

function previewWords({ totalCount, counts, rollback }: Preview): string {
  const object = rollback ? `the roll-back of ${runCount(totalCount)}` : runCount(totalCount)
  const what = `This would retry ${object}`
  return totalCount === 0 ? what : `${what}: ${each(counts)}`
}

async function preview(
  session: Session,
  only: boolean,
  { client, filter }: { readonly client: Client; readonly filter: RunFilter | null },
): Promise<number> {
  if (filter === null) throw usage('--preview is for a filter', 'Say which runs by options.')
  const document = await previewOf(client, filter, only)
  session.answer(document, () => [previewWords(document)])
  return 0
}

const words: Readonly<Record<Exclude<Retried['answer'], 'retried'>, string>> = {
  'not-final': 'it has not ended',
  'not-found': 'no such run',
  'is-member': 'it is a member of a workflow',
  'is-child': 'another run has enqueued it',
  'no-rollback': 'it was not rolled back',
  'rolling-back': 'it is being rolled back',
  'rolled-back': 'it is rolled back already',
}

function answerLine({ id, answer, newId, hint }: Retried): string {
  if (answer === 'retried')
    return `${plain(id)}  ${style('green', answer)}  as ${plain(newId ?? '')}`
  const how = hint === null ? '' : `. ${hint}`
  return `${plain(id)}  ${style('yellow', answer)}  ${words[answer]}${how}`
}

/** As a script would see the worst of the answers: there is no such run, it has not ended, or it is never retried by itself. */
function exitCode(answers: readonly Retried[]): number {
  const has = (wanted: Retried['answer']): boolean =>
    answers.some(({ answer }) => answer === wanted)
  if (has('not-found')) return errorCodes.RUN_NOT_FOUND.exit
  if (has('not-final') || has('rolling-back')) return errorCodes.WORKFLOW_ACTIVE.exit
  const isRefused = answers.some(({ answer }) => answer !== 'retried')
  return isRefused ? errorCodes.USAGE.exit : 0
}
