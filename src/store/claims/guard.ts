/** The shape of a guard of a claim: `guards.ts` says what guards are for, and lists them. */
import type { MachineEvent } from '../../core/run/events.ts'
import type { ClaimedRun } from '../port/runs.ts'
import type { Driver, Tx } from '../driver/driver.ts'
import type { Row } from '../driver/sql.ts'
import type { SeqRun } from '../rows/runs.ts'

/** How a run that has not started is paused: there and then. */
export const pauseOfUnstarted = { withinMs: 0, otherwise: 'wait', parksIn: 'paused' } as const

/** A run that a guard keeps from starting. */
export interface Refusal {
  readonly run: Pick<ClaimedRun, 'id' | 'seq' | 'attempt'>
  /** The event that happens to the run once its claim is taken back; null where it only goes back to its queue. */
  readonly event: MachineEvent | null
}

/** The runs that a claim has chosen, within its transaction. */
export interface Choice {
  readonly tx: Tx
  readonly chosen: readonly ClaimedRun[]
  /** The whole rows of the chosen runs, held until the transaction ends; read when the first guard asks for them. */
  readonly rows: () => Promise<readonly SeqRun[]>
}

/**
 * A guard that decides within the claim's transaction, behind the statement that has chosen the runs: whatever was committed
 * before that statement is seen.
 */
export interface GuardBeforeCommit {
  /** Whether the guard is needed only where one transaction may be under way while another begins; else it is always asked. */
  readonly isForConcurrentWriters: boolean
  /** One cheap statement that finds what the guard must compare each run with. Nearly always it finds nothing. */
  look(tx: Tx): readonly Row[] | Promise<readonly Row[]>
  /** The chosen runs that must not start. Asked only where `look` has found something; `found` is what it has found. */
  refuse(choice: Choice, found: readonly Row[]): Promise<readonly Refusal[]>
}

/**
 * A guard that decides once the claim is committed. It is for what must be locked before the runs, which a claim cannot do: it
 * knows its runs only when it holds them.
 */
export interface GuardAfterCommit {
  /** The claimed runs that may have to go back; reads without a lock. */
  suspect(driver: Driver, claimed: readonly ClaimedRun[]): Promise<readonly ClaimedRun[]>
  /** The suspects that must not start, found in a transaction of its own. */
  refuse(tx: Tx, suspects: readonly ClaimedRun[]): Promise<readonly Refusal[]>
}
