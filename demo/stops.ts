/** The second scene: three runs are cancelled, and the system is asked what is left of them. */
import type { Run, RunHandle, StopOutcome } from '../src/index.ts'
import { count, ms } from './format.ts'
import { livingOf, type Suspects } from './processes.ts'
import type { Promises } from './promises.ts'
import { slack } from './slack.ts'
import type { Pids } from './tasks.ts'

export const graceMs = 1000
export const reason = 'nobody waits for it any more'
export const by = `the demo, pid ${process.pid}`

/** How long past the grace a stop may take. */
const marginMs = 1000 * slack

/** A run that is to be stopped. */
export interface Victim {
  readonly handle: RunHandle
  readonly name: string
  readonly expected: 'forced' | 'cooperative'
  readonly pids: Pids
}

export interface Stopped {
  readonly victim: Victim
  readonly outcome: StopOutcome
  /** From the call to the confirmation, by this process's clock. */
  readonly tookMs: number
}

/** Whom to look for: the handlers' processes, their groups, and what they started. */
export function suspectsOf(victims: readonly Victim[]): Suspects {
  const groups = victims.map(({ pids }) => pids.handler)
  return { pids: [...groups, ...victims.flatMap(({ pids }) => pids.started)], groups }
}

/** Cancels them all at once. Fulfils when every stop is confirmed. */
export async function cancelAll(
  victims: readonly Victim[],
  abortSignal: AbortSignal,
): Promise<readonly Stopped[]> {
  const cancel = async (victim: Victim): Promise<Stopped> => {
    const askedAt = performance.now()
    const outcome = await victim.handle.cancel({ grace: graceMs, reason, by, abortSignal })
    return { victim, outcome, tookMs: performance.now() - askedAt }
  }
  return Promise.all(victims.map(cancel))
}

/** The outcome of a stop, as a line for people. */
export function stoppedLine({ victim, outcome, tookMs }: Stopped): string {
  const { mode, confirmed, stop } = outcome
  const { pid, osSignal, exitCode } = stop?.proof ?? {}
  const proof =
    pid === undefined ? 'no proof' : `pid ${pid} seen to exit: ${osSignal ?? `code ${exitCode}`}`
  const how = `${mode ?? outcome.answer}, ${confirmed ? 'confirmed' : 'NOT confirmed'}`
  return `  ${victim.name.padEnd(12)}  ${how.padEnd(22)}  ${ms(tookMs).padStart(9)}  ${proof}`
}

/** Holds what came of the stops against what was promised. */
export async function checkStops(stopped: readonly Stopped[], promises: Promises): Promise<void> {
  for (const one of stopped) {
    const { name, expected } = one.victim
    const boundMs = expected === 'forced' ? graceMs + marginMs : graceMs * slack
    promises.check(
      `${name}: ${expected} stop, confirmed within ${ms(boundMs)} (${ms(one.tookMs)})`,
      isAsExpected(one) && one.tookMs <= boundMs,
    )
  }
  const runs = await Promise.all(stopped.map(({ victim }) => victim.handle.get()))
  promises.check(`each stop is on record: who asked, and why (“${reason}”)`, runs.every(isOnRecord))
}

function isAsExpected({ victim, outcome }: Stopped): boolean {
  const { stop } = outcome
  const isProven = stop?.proof?.pid === victim.pids.handler
  return outcome.confirmed && stop?.mode === victim.expected && isProven
}

const isOnRecord = (run: Run): boolean =>
  run.state === 'cancelled' && run.stop?.reason === reason && run.stop.by === by

/** Looks for what the victims left. @param before who was seen to live before they were cancelled. */
export function checkNothingLives(
  suspects: Suspects,
  before: readonly number[],
  promises: Promises,
): void {
  const groups = suspects.groups.length
  promises.check(
    `before: ${count(before.length)} processes of theirs alive (${before.join(', ')}), so the look can see`,
    suspects.pids.every((pid) => before.includes(pid)),
  )
  const left = livingOf(suspects)
  const found = left.length === 0 ? 'none' : left.join(', ')
  promises.check(
    `after: of these, and in their ${groups} process groups, alive: ${found}`,
    left.length === 0,
  )
}
