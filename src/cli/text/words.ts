/** Statuses, stops, errors and signals in words. */
import type { SignalEntry } from '../../client/views/audit.ts'
import { humanDuration } from '../../core/duration.ts'
import type { ErrorRecord } from '../../core/errors.ts'
import type { Pauser } from '../../core/run/intent.ts'
import type { RollbackFacts, Status } from '../../core/run/run.ts'
import type { ExitProof, StopMode, StopRecord } from '../../core/run/stop.ts'
import type { State } from '../../core/run/transitions.ts'
import { brief, plain, style } from './output.ts'

const colours = {
  scheduled: 'cyan',
  queued: 'cyan',
  running: 'blue',
  waiting: 'cyan',
  paused: 'yellow',
  starting: 'blue',
  pausing: 'yellow',
  'pausing (overdue)': 'red',
  frozen: 'yellow',
  'rolling back': 'yellow',
  cancelling: 'yellow',
  unresponsive: 'red',
  completed: 'green',
  failed: 'red',
  cancelled: 'yellow',
} as const satisfies Record<Status, string>

/** The status of a run in its colour. */
export function statusWord(status: Status): string {
  return style(colours[status], status)
}

/** `, by the hold X`: the hold or the workflow that pauses a run; nothing where the run itself was paused. */
export function pauserWords({ holdId, workflowId, parentId }: Pauser): string {
  if (parentId !== undefined) return `, with its parent ${plain(parentId)}`
  if (holdId !== null) return `, by the hold ${plain(holdId)}`
  return workflowId === null ? '' : `, by the pause of its workflow ${plain(workflowId)}`
}

/** `just now`, `3.0 min ago`. */
export function ago(at: number, now: number): string {
  return now - at < 1000 ? 'just now' : `${humanDuration(now - at)} ago`
}

/** `by ada: wrong folder` */
export function whoAndWhy({ by, reason }: Pick<SignalEntry, 'by' | 'reason'>): string {
  return `${by === null ? '' : ` by ${plain(by)}`}${reason === null ? '' : `: ${plain(reason)}`}`
}

function proofWords(proof: ExitProof): string {
  const { pid, threadId, exitCode, osSignal } = proof
  const place = threadId === undefined ? `pid ${pid}` : `thread ${threadId} of pid ${pid}`
  if (osSignal !== null) return `${place} ended by ${osSignal}`
  return exitCode === null ? place : `${place} exited with ${exitCode}`
}

/** `by SIGTERM, SIGKILL`: what its processes were sent. */
function sentWords({ sent }: StopRecord): string {
  if (sent === null || sent.length === 0) return 'without an OS signal'
  return `by ${sent.map(({ osSignal }) => osSignal).join(', ')}`
}

/** Tells by whom a run was stopped, why and how, with the proof. */
export function stopWords(stop: StopRecord): string {
  return `${stop.verb}${whoAndWhy(stop)}; ${howWords(stop)}`
}

/** How a run was stopped, with the proof. */
export function howWords(stop: StopRecord): string {
  const { mode, confirmed, proof, requestedAt, stoppedAt } = stop
  const took = `after ${humanDuration(stoppedAt - requestedAt)}`
  if (!confirmed)
    return `stopped ${took}, not confirmed: its worker was lost, and its lease has lapsed`
  switch (mode) {
    case 'prevented':
      return 'prevented: nothing of it was running'
    case 'cooperative':
      return `the handler ended by itself ${took}${proof ? `, then ${proofWords(proof)}` : ''}`
    case 'forced':
      return `forced ${took} ${sentWords(stop)}${proof ? `, ${proofWords(proof)}` : ''}`
  }
}

/** An error on one line, with its code unless the handler threw it. */
export function errorWords(error: Pick<ErrorRecord, 'code' | 'message'>): string {
  const code = error.code === 'HANDLER_THREW' ? '' : `${plain(error.code)}: `
  return `${code}${brief(error.message, 500)}`
}

/** `40 %`, or the value as it is. */
export function progressWords(progress: unknown): string {
  const isFraction = typeof progress === 'number' && progress >= 0 && progress <= 1
  return isFraction ? `${Math.floor(progress * 100)} %` : brief(progress, 60)
}

/** The states of a roll-back, in words. */
export const rollbackStates = {
  pending: 'not over yet',
  completed: 'completed',
  failed: 'failed',
  abandoned: 'given up by terminate',
} as const satisfies Record<RollbackFacts['state'], string>

/** Tells the outcome of a roll-back. */
export function rollbackWords({ state, failures, crashes, error }: RollbackFacts): string {
  const failed = failures === 0 ? '' : `, ${failures} failed`
  const counts = `${failed}${crashes === 0 ? '' : `, ${crashes} crashed`}`
  return `${rollbackStates[state]}${counts}${error === null ? '' : `: ${errorWords(error)}`}`
}

/** `throttle 20`; `cancel` */
export function askedWords({ kind, name, payload }: SignalEntry): string {
  const isMessage = kind === 'signal' || kind === 'bulk'
  return `${plain(name)}${payload === undefined || !isMessage ? '' : ` ${brief(payload, 80)}`}`
}

/** Tells the outcome of a signal, or of a verb. */
export function cameOfIt(entry: SignalEntry): string {
  const { kind, name, answer, deliveredAt, completedAt, attempt, error, reply } = entry
  if (error !== null) return `failed: ${errorWords(error)}`
  if (kind !== 'signal')
    return reply === undefined ? wordOf(answer ?? 'not over yet') : endWords(reply, name)
  if (answer !== null && answer !== 'sent') return wordOf(answer)
  if (completedAt !== null)
    return reply === undefined ? 'dealt with' : `replied ${brief(reply, 200)}`
  return deliveredAt === null ? 'pending' : `with the handler of attempt ${attempt}`
}

/** Whether the name of a request is that of a pause; a `freeze` is one. */
export const isPause = (name: string): boolean => name === 'pause' || name === 'freeze'

const wordOf = (answer: string): string => answer.replaceAll('-', ' ')

/** Of a verb on a run: the state that it led to, and how. Of one on many: how many there were of each answer. */
function endWords(reply: unknown, verb: string): string {
  if (typeof reply !== 'object' || reply === null) return brief(reply, 200)
  if (!('state' in reply)) {
    const counts = Object.entries(reply).map(([answer, count]) => `${count} ${wordOf(answer)}`)
    return counts.join(', ') || 'no runs'
  }
  const { state, mode, confirmed, rollback } = reply as VerbEnd
  // It went on where it was, be it that it had been frozen, be it that no checkpoint had come yet.
  const isTakenBack = isPause(verb) && state === 'running'
  const parts = [
    isTakenBack ? 'resumed before it parked' : state,
    mode,
    confirmed === false ? 'not confirmed' : undefined,
    rollback === undefined ? undefined : `roll-back ${rollback}`,
  ]
  return parts.filter((part) => part !== undefined).join(', ')
}

/** The outcome of a verb on a running run, as the record has it. */
interface VerbEnd {
  readonly state: State
  readonly mode?: StopMode
  readonly confirmed?: boolean
  readonly rollback?: RollbackFacts['state']
}
