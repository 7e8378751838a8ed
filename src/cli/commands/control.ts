/**
 * The verbs that end runs: `revoke`, `abort`, `cancel`, `terminate`.
 *
 * A script needs to know two things: whether the request is on record, and whether the run has stopped. The last two
 * verbs wait for the second, and say which by their exit code.
 */
import { createInterface } from 'node:readline/promises'
import { type Command, Option } from 'commander'
import type { Client } from '../../client/client.ts'
import type { ControlTarget, StopOptions } from '../../client/controls.ts'
import { filterParameters, operations } from '../../client/operations.ts'
import type { Run } from '../../client/view.ts'
import { durationMs } from '../../core/duration.ts'
import { CheckreinError, errorCodes } from '../../core/errors.ts'
import type { RunFilter } from '../../core/filter.ts'
import { defaultGraceMs } from '../../core/intent.ts'
import { finalStates, type State, type StopVerb } from '../../core/transitions.ts'
import type { Controlled } from '../../store/store.ts'
import { dateTime, plain, style } from '../output.ts'
import { addParameters, given } from '../parameters.ts'
import { act, commandFor, type Session } from '../session.ts'
import { stopWords } from '../words.ts'

/** The run had ended by itself. */
const tooLateCode = 3
/** It is cancelled, but the end of its code was not observed: its worker was lost. */
const unconfirmedCode = 4
/** How long the CLI waits past the grace for the confirmation. */
const confirmWaitMs = 30_000

const waiting = {
  timeout: {
    kind: 'duration',
    about: 'how long to wait for the proof; default: the grace and 30s',
  },
} as const

const waitingVerbs: readonly StopVerb[] = ['cancel', 'terminate']

export function controlCommands(program: Command): void {
  for (const verb of ['revoke', 'abort', 'cancel', 'terminate'] as const) {
    const command = commandFor(program, verb)
      .argument('[ids...]', 'ids of runs; or say which by the options below')
      .addOption(new Option('--all', 'every run that is not final').helpGroup('Which runs:'))
      .addOption(new Option('--yes', 'do not ask before a filter is applied'))
    if (waitingVerbs.includes(verb)) {
      command.addOption(new Option('--no-wait', 'do not wait for the stop to be confirmed'))
      addParameters(command, waiting)
    }
    act(command, (session) => control(session, verb))
  }
}

async function control(session: Session, verb: StopVerb): Promise<number> {
  const target = targetOf(session)
  const options = given(operations[verb].options, session.options) as Omit<StopOptions, 'timeout'>
  return session.withClient(
    async (client) => {
      if (isFilter(target)) await agree(session, verb, { client, filter: target.filter })
      const controlled = await client[verb](target, options)
      const isWaiting = waitingVerbs.includes(verb) && session.options['wait'] !== false
      const endsAt = performance.now() + patienceMs(session, options)
      const outcomes = await Promise.all(
        controlled.map((one) =>
          outcomeOf(client, one, isWaiting && one.answer === 'requested' ? endsAt : null),
        ),
      )
      session.answer(outcomes, () =>
        outcomes.length === 0 ? ['no runs'] : outcomes.map((one) => outcomeLine(verb, one)),
      )
      return exitCode(outcomes)
    },
    { isPatient: true },
  )
}

function patienceMs(session: Session, { grace }: Omit<StopOptions, 'timeout'>): number {
  const { timeout } = given(waiting, session.options) as { timeout?: number }
  if (timeout !== undefined) return durationMs(timeout, 'timeout')
  return confirmWaitMs + (grace === undefined ? defaultGraceMs : durationMs(grace, 'grace'))
}

/** The runs of the ids, the run that holds a key, or those of a filter. */
function targetOf(session: Session): ControlTarget {
  const [ids] = session.args as [string[]]
  const filter = given(filterParameters, session.options) as RunFilter
  const names = Object.keys(filter)
  const isAll = session.options['all'] === true
  if (ids.length > 0 && names.length === 0 && !isAll) return ids
  if (ids.length > 0) throw usage('Give ids, or say which runs by options, not both')
  const { task, key } = filter
  if (names.length === 2 && task !== undefined && key !== undefined) return { task, key }
  if (names.length > 0 || isAll) return { filter }
  throw usage(
    'No runs are named',
    'Give ids, --task and --key, or other options such as --tag; --all means every run.',
  )
}

type Filtered = Extract<ControlTarget, { readonly filter: RunFilter }>

/** An array has a `filter` too. */
function isFilter(target: ControlTarget): target is Filtered {
  return typeof target === 'object' && !Array.isArray(target) && 'filter' in target
}

/** Says how many runs it would be, and asks; where nobody can answer, `--yes` must have. */
async function agree(
  session: Session,
  verb: StopVerb,
  { client, filter }: { client: Client; filter: RunFilter },
): Promise<void> {
  if (session.options['yes'] === true) return
  const counts = Object.entries(await client.counts(filter)).filter(
    ([state, count]) => count > 0 && !finalStates.includes(state as State),
  )
  const total = counts.reduce((sum, [, count]) => sum + count, 0)
  const each = counts.map(([state, count]) => `${count} ${state}`).join(', ')
  const preview = `This would ${verb} ${total} ${total === 1 ? 'run' : 'runs'}${total === 0 ? '' : `: ${each}`}`
  if (session.isJson || !process.stdin.isTTY || !process.stdout.isTTY) {
    throw new CheckreinError('USAGE', {
      message: preview,
      hint: 'Nothing was done. Give --yes to do it.',
    })
  }
  const readline = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await readline
    .question(`${preview}. Go on? [y/N] `)
    .finally(() => readline.close())
  if (!/^y(es)?$/i.test(answer.trim())) throw usage('Nothing was done')
}

const usage = (message: string, hint?: string): CheckreinError =>
  new CheckreinError('USAGE', { message, ...(hint === undefined ? {} : { hint }) })

/** What was answered at once, and what came of it. */
interface Outcome {
  readonly id: string | null
  /** `pending`: not confirmed within the time. */
  readonly answer: Controlled['answer'] | 'stopped' | 'pending'
  readonly state: State | null
  readonly stop: Run['stop']
  readonly tombstoneUntil: number | null
}

/** @param endsAt until when to wait for the end of the run; null to take the answer as it is. */
async function outcomeOf(
  client: Client,
  controlled: Controlled,
  endsAt: number | null,
): Promise<Outcome> {
  const { id, answer } = controlled
  if (id === null || answer === 'not-found') return { ...controlled, stop: null }
  if (endsAt !== null) await ended(client, id, Math.max(0, endsAt - performance.now()))
  const run = await client.get(id)
  const state = run?.state ?? controlled.state
  const outcome = { ...controlled, state, stop: run?.stop ?? null }
  if (endsAt === null) return outcome
  if (state === 'cancelled') return { ...outcome, answer: 'stopped' }
  return {
    ...outcome,
    answer: state !== null && finalStates.includes(state) ? 'too-late' : 'pending',
  }
}

/** Waits for the end of the run, whatever it is, or until the time is up. */
async function ended(client: Client, id: string, timeout: number): Promise<void> {
  const expected = ['RUN_FAILED', 'RUN_CANCELLED', 'RESULT_TIMEOUT', 'RUN_NOT_FOUND']
  await client
    .run(id)
    .result({ timeout })
    .catch((error: unknown) => {
      if (!expected.includes(String((error as { code?: unknown }).code))) throw error
    })
}

const words: Readonly<Record<string, string>> = {
  requested: 'on record; the run is still running',
  'too-late': 'it had ended by itself',
  pending: 'not confirmed yet; the request is on record and will be carried out',
  'not-found': 'no such run',
}

function outcomeLine(verb: StopVerb, { id, answer, state, stop, tombstoneUntil }: Outcome): string {
  const name = id === null ? '(no run holds the key)' : plain(id)
  const isOver = answer === 'prevented' || answer === 'stopped' || answer === 'already-cancelled'
  if (isOver && stop) return `${name}  ${style('green', answer)}  ${stopWords(stop)}`
  const wait =
    tombstoneUntil === null ? '' : `; the ${verb} waits for it until ${dateTime(tombstoneUntil)}`
  const ending = answer === 'too-late' ? `: ${state}` : ''
  return `${name}  ${style('yellow', answer)}  ${words[answer] ?? ''}${ending}${wait}`
}

/** The worst of the outcomes, as a script would see it. */
function exitCode(outcomes: readonly Outcome[]): number {
  const answers = new Set(outcomes.map(({ answer }) => answer))
  if (answers.has('pending')) return errorCodes.STOP_PENDING.exit
  if (answers.has('not-found')) return errorCodes.RUN_NOT_FOUND.exit
  if (answers.has('too-late')) return tooLateCode
  return outcomes.some(({ answer, stop }) => answer === 'stopped' && stop?.confirmed === false)
    ? unconfirmedCode
    : 0
}
