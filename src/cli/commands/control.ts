/**
 * The verbs that end runs: `revoke`, `abort`, `cancel`, `terminate`.
 *
 * A script needs to know two things: whether the request is on record, and whether the run has stopped. The last two
 * verbs wait for the second, and say which by their exit code.
 */
import { type Command, Option } from 'commander'
import type { Client } from '../../client/client.ts'
import { stopWaitMs } from '../../client/requests/controls.ts'
import { operations } from '../../client/operations/operations.ts'
import type { Run } from '../../client/views/view.ts'
import { finalStates, type State, type StopVerb } from '../../core/run/transitions.ts'
import type { Controlled } from '../../store/store.ts'
import { answerWords, type CameTo, notUndoneCode, tooLateCode, worstCode } from '../text/answers.ts'
import { dateTime, plain, style } from '../text/output.ts'
import { addParameters, given } from '../session/parameters.ts'
import { act, commandFor, type Session } from '../session/session.ts'
import { addConsent, agree, filterIn, isPreviewed, targetOf } from '../session/targets.ts'
import { rollbackWords, stopWords } from '../text/words.ts'
import type { CancelOptions, StopOptions } from '../../client/options/options.ts'

/** It is cancelled, but the end of its code was not observed: its worker was lost. */
const unconfirmedCode = 4

const waiting = {
  timeout: {
    kind: 'duration',
    about: 'how long to wait for the proof; default: the grace, the time until SIGKILL and 30s',
  },
} as const

const waitingVerbs: readonly StopVerb[] = ['cancel', 'terminate']

/** Adds the verbs that end runs. */
export function controlCommands(program: Command): void {
  for (const verb of ['revoke', 'abort', 'cancel', 'terminate'] as const) {
    const command = addConsent(commandFor(program, verb))
    if (waitingVerbs.includes(verb)) {
      command.addOption(new Option('--no-wait', 'do not wait for the stop to be confirmed'))
      addParameters(command, waiting)
    }
    act(command, (session) => control(session, verb))
  }
}

async function control(session: Session, verb: StopVerb): Promise<number> {
  const [ids] = session.args as [string[]]
  if (await isPreviewed(session, verb)) return 0
  const target = targetOf(session, ids)
  const filter = filterIn(target)
  const options = given(operations[verb].options, session.options) as CancelOptions
  return session.withClient(
    async (client) => {
      if (filter !== null) await agree(session, client, { verb, filter })
      const controlled = await client[verb](target, options)
      const isWaiting = waitingVerbs.includes(verb) && session.options['wait'] !== false
      const endsAt = performance.now() + patienceMs(session, options)
      const outcomes = await Promise.all(
        controlled.map((one) => stopOutcome(client, one, isWaiting && isOpen(one) ? endsAt : null)),
      )
      session.answer(outcomes, () =>
        outcomes.length === 0 ? ['no runs'] : outcomes.map((one) => outcomeLine(verb, one)),
      )
      return exitCode(outcomes)
    },
    { isPatient: true },
  )
}

/** Whether something is still to come of it: a stop, or a roll-back. */
function isOpen({ answer, state }: Controlled): boolean {
  return state !== null && !finalStates.includes(state) && answer !== 'too-late'
}

function patienceMs(session: Session, options: CancelOptions): number {
  return stopWaitMs({ ...options, ...(given(waiting, session.options) as StopOptions) })
}

/** The first answer of a run to a verb, and the outcome. */
interface Outcome {
  readonly id: string | null
  /** `pending`: not confirmed within the time. */
  readonly answer: CameTo
  readonly state: State | null
  readonly stop: Run['stop']
  readonly rollback: Run['rollback']
  readonly tombstoneUntil: number | null
}

/** @param endsAt until when to wait for the end of the run; null to take the answer as it is. */
async function stopOutcome(
  client: Client,
  controlled: Controlled,
  endsAt: number | null,
): Promise<Outcome> {
  const { id, answer } = controlled
  if (id === null || answer === 'not-found') return { ...controlled, stop: null, rollback: null }
  if (endsAt !== null) await ended(client, id, Math.max(0, endsAt - performance.now()))
  const run = await client.get(id)
  const state = run?.state ?? controlled.state
  const { stop = null, rollback = null } = run ?? {}
  const outcome = { ...controlled, state, stop, rollback }
  if (endsAt === null) return outcome
  if (state === 'cancelled')
    return answer === 'requested' ? { ...outcome, answer: 'stopped' } : outcome
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

function outcomeLine(verb: StopVerb, outcome: Outcome): string {
  const { id, answer, state, stop, rollback, tombstoneUntil } = outcome
  const name = id === null ? '(no run holds the key)' : plain(id)
  const undone = rollback === null ? '' : `; roll-back ${rollbackWords(rollback)}`
  const colour = isNotUndone(outcome) ? 'red' : 'green'
  if (isOver(outcome) && stop)
    return `${name}  ${style(colour, answer)}  ${stopWords(stop)}${undone}`
  if (answer === 'pending' && rollback?.state === 'pending')
    return `${name}  ${style('yellow', answer)}  it is being rolled back, and that goes on`
  const wait =
    tombstoneUntil === null ? '' : `; the ${verb} waits for it until ${dateTime(tombstoneUntil)}`
  const ending = answer === 'too-late' ? `: ${state}` : ''
  const what = answerWords[answer] ?? ''
  return `${name}  ${style('yellow', answer)}  ${what}${ending}${undone}${wait}`
}

const isOver = ({ answer }: Outcome): boolean =>
  answer === 'prevented' || answer === 'stopped' || answer === 'already-cancelled'

/** Whether it should have been rolled back, and never will be. */
function isNotUndone(outcome: Outcome): boolean {
  const state = outcome.rollback?.state
  return isOver(outcome) && (state === 'failed' || state === 'abandoned')
}

function exitCode(outcomes: readonly Outcome[]): number {
  const isUnconfirmed = outcomes.some(
    ({ answer, stop }) => answer === 'stopped' && stop?.confirmed === false,
  )
  const worst = worstCode(
    outcomes.map(({ answer }) => answer),
    'STOP_PENDING',
  )
  const isMild = worst === 0 || worst === tooLateCode
  if (isMild && outcomes.some(isNotUndone)) return notUndoneCode
  return worst === 0 && isUnconfirmed ? unconfirmedCode : worst
}
