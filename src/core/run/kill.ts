/** How an attempt is killed: by which OS signal its processes are told, and how long they have until SIGKILL. */
import { type Duration, durationMs, humanDuration } from '../duration.ts'
import { CheckreinError, shown } from '../errors.ts'

/** The OS signals that a process may catch, on Linux as on macOS. */
const catchableSignals = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGUSR1',
  'SIGSEGV',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGTERM',
  'SIGCHLD',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGWINCH',
  'SIGIO',
  'SIGSYS',
] as const

/** An OS signal by which an attempt is killed: one that may be caught and is followed by SIGKILL, or SIGKILL alone. */
export type OsSignal = (typeof osSignals)[number]
/** All of `OsSignal`. */
export const osSignals = [...catchableSignals, 'SIGKILL'] as const

/** How an attempt is killed. */
export interface KillWay {
  /** The signal that every process of the attempt gets first; with SIGKILL, none comes before it. */
  readonly osSignal: OsSignal
  /** How long the processes have from then until SIGKILL; 0 with SIGKILL. */
  readonly killAfterMs: number
}

/** The choice that a request makes of the way; null for the part that it leaves to the task. */
export interface KillChoice {
  readonly osSignal: OsSignal | null
  readonly killAfterMs: number | null
  /** Whether another request has left the time to the task: the shorter of both times counts. */
  readonly isAtMost?: true
}

/** An OS signal that the processes of an attempt were sent. */
export interface SentOsSignal {
  readonly osSignal: string
  /** Epoch ms. */
  readonly at: number
}

/** How an attempt is killed where neither the request nor the task says anything. */
export const defaultKill: KillWay = { osSignal: 'SIGTERM', killAfterMs: 250 }

/** Whether attempts are killed in the usual way. */
export const isDefaultKill = ({ osSignal, killAfterMs }: KillWay): boolean =>
  osSignal === defaultKill.osSignal && killAfterMs === defaultKill.killAfterMs

/** The longest time between the OS signal and SIGKILL. */
const longestKillAfterMs = 3_600_000

/** The way in which an attempt is killed. @param own that of its task. */
export function wayOf(choice: KillChoice | undefined, own: KillWay): KillWay {
  const { osSignal, killAfterMs, isAtMost = false } = choice ?? nothingChosen
  const chosen = osSignal ?? own.osSignal
  if (chosen === 'SIGKILL') return { osSignal: chosen, killAfterMs: 0 }
  const ms = killAfterMs ?? (own.osSignal === 'SIGKILL' ? defaultKill : own).killAfterMs
  const mostMs = isAtMost ? own.killAfterMs : ms
  return { osSignal: chosen, killAfterMs: Math.min(ms, mostMs) }
}

const nothingChosen: KillChoice = { osSignal: null, killAfterMs: null }

/** The choice that stands when one more request comes: SIGKILL before anything else, else the newer signal, and the shorter time. */
export function strongerKill(
  old: KillChoice = nothingChosen,
  asked: KillChoice = nothingChosen,
): KillChoice | undefined {
  if (old.osSignal === 'SIGKILL' || asked.osSignal === 'SIGKILL') return atOnce
  const { osSignal } = asked
  const times = [old, asked].flatMap(({ killAfterMs }) => killAfterMs ?? [])
  if (times.length === 0) return osSignal === null ? undefined : { osSignal, killAfterMs: null }
  const isAtMost = times.length === 1 || old.isAtMost === true || asked.isAtMost === true
  return { osSignal, killAfterMs: Math.min(...times), ...(isAtMost ? { isAtMost } : {}) }
}

const atOnce: KillChoice = { osSignal: 'SIGKILL', killAfterMs: null }

/** Whether two requests choose the same. */
export function isSameKill(one: KillChoice = nothingChosen, other = nothingChosen): boolean {
  return (
    one.osSignal === other.osSignal &&
    one.killAfterMs === other.killAfterMs &&
    one.isAtMost === other.isAtMost
  )
}

/** The way in which attempts are killed, as a request or a task may choose it. */
export interface KillOptions {
  /** The OS signal that the processes of an attempt get when they are killed; with `SIGKILL`, none comes before it. Default: `SIGTERM`. */
  readonly osSignal?: OsSignal
  /** How long the processes have from that signal until SIGKILL, at most an hour; default 250 ms. */
  readonly killAfter?: Duration
}

/** The choice, checked. @throws {CheckreinError} `USAGE`. */
export function killChoiceOf({ osSignal, killAfter }: KillOptions): KillChoice | undefined {
  if (osSignal === undefined && killAfter === undefined) return undefined
  return {
    osSignal: osSignal === undefined ? null : checkedSignal(osSignal),
    killAfterMs: killAfter === undefined ? null : killAfterMsOf(killAfter),
  }
}

const names: readonly string[] = osSignals

function checkedSignal(given: OsSignal): OsSignal {
  if (names.includes(given)) return given
  const message = `osSignal: ${shown(given)} is not an OS signal by which a run can be killed`
  throw new CheckreinError('USAGE', { message, hint: hintFor(given) })
}

function hintFor(given: unknown): string {
  if (given === 'SIGSTOP' || given === 'SIGCONT')
    return "SIGSTOP and SIGCONT belong to `freeze` and `resume`. Choose a signal that ends a process: 'SIGTERM', 'SIGINT', 'SIGKILL'."
  const name = String(given).toUpperCase()
  const meant = name.startsWith('SIG') ? name : `SIG${name}`
  if (names.includes(meant)) return `Write it as '${meant}'.`
  return `Choose one of ${names.join(', ')}.`
}

function killAfterMsOf(killAfter: Duration): number {
  const ms = durationMs(killAfter, 'killAfter')
  if (ms <= longestKillAfterMs) return ms
  const message = `killAfter: ${humanDuration(ms)} is longer than an hour`
  const hint =
    'Processes that need longer to end are asked by `abort` or by a `cancel` with a long `grace`.'
  throw new CheckreinError('USAGE', { message, hint })
}
