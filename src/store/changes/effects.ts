/** The rows in other tables that are written when a run changes: its checkpoint, and the rows of the signals and verbs that are dealt with by it. */
import { type ErrorRecord, errorCodes } from '../../core/errors.ts'
import type { MachineEvent, Saved } from '../../core/run/events.ts'
import type { Tx } from '../driver/driver.ts'
import type { SeqRun } from '../rows/runs.ts'
import type { Param } from '../driver/sql.ts'
/** The error of a signal whose run ended before its handler took it. */
export const unheard: ErrorRecord = {
  name: 'CheckreinError',
  message: errorCodes.SIGNAL_UNHEARD.message,
  code: 'SIGNAL_UNHEARD',
}

type Kind =
  | 'saveCheckpoints'
  | 'deliverSignals'
  | 'deliverControls'
  | 'finishSignals'
  | 'finishControls'
  | 'refuseSignals'

/** Collects what is to be written beside the rows of runs, and writes it. */
export class Effects {
  readonly #now: number
  readonly #sets: Record<Kind, Param[][]> = {
    saveCheckpoints: [],
    deliverSignals: [],
    deliverControls: [],
    finishSignals: [],
    finishControls: [],
    refuseSignals: [],
  }

  constructor(now: number) {
    this.#now = now
  }

  /** Notes what an accepted event brings about. @param old the run before it. @param next the run after it. */
  note(event: MachineEvent, old: SeqRun, next: SeqRun): void {
    const { seq, attempt } = old
    if (event.type === 'checkpoint') this.#save(event, old)
    else if ('saved' in event && event.saved) this.#save(event.saved, old)
    if (event.type === 'deliver') this.#sets.deliverControls.push([seq, attempt, event.deliveredAt])
    if (event.type === 'take')
      this.#sets.deliverSignals.push([event.position, seq, attempt, event.takenAt])
    if (isAskedOf(old) && !isAskedOf(next))
      this.#sets.finishControls.push([seq, this.#now, replyOf(next), ...reachedOf(old, next)])
    if (old.signalled !== null && next.signalled === null)
      this.#sets.refuseSignals.push([seq, this.#now, JSON.stringify(unheard)])
  }

  /** Sends everything, the signals that were dealt with before those that are refused. */
  write(tx: Pick<Tx, 'send'>): void {
    for (const [kind, sets] of Object.entries(this.#sets) as [Kind, Param[][]][])
      if (sets.length > 0) tx.send(kind, once.has(kind) ? firstOfEach(sets) : sets)
  }

  #save({ checkpoint, signals }: Saved, { seq, attempt }: SeqRun): void {
    if (checkpoint !== null) this.#sets.saveCheckpoints.push([seq, checkpoint])
    for (const { position, reply, error } of signals) {
      const failed = error === null ? null : JSON.stringify(error)
      this.#sets.finishSignals.push([position, seq, this.#now, attempt, reply, failed])
    }
  }
}

/** The kinds that happen once to a row: the first set of parameters counts, where a statement for many would take any of them. */
const once = new Set<Kind>(['deliverControls', 'finishSignals', 'finishControls'])

/** The first of the sets that have the same first parameter. */
function firstOfEach(sets: readonly Param[][]): Param[][] {
  const first = new Map<Param | undefined, Param[]>()
  for (const set of sets) if (!first.has(set[0])) first.set(set[0], set)
  return [...first.values()]
}

/** When the request reached the handler, and in which attempt; nulls where it did not. The event that ends the attempt may be the first to say so. */
function reachedOf({ attempt }: SeqRun, { stop, rollback }: SeqRun): readonly (number | null)[] {
  const at = (stop ?? rollback?.stop)?.deliveredAt ?? null
  return [at, at === null ? null : attempt]
}

/** The reply to what was asked of a run, as JSON: what became of the run. */
function replyOf({ state, stop, rollback }: SeqRun): string {
  const record = stop ?? rollback?.stop ?? null
  const how = record === null ? {} : { mode: record.mode, confirmed: record.confirmed }
  return JSON.stringify({
    state,
    ...how,
    ...(rollback === null ? {} : { rollback: rollback.state }),
  })
}

/** Whether a request to the run is still open: a stop is over only when the roll-back that it wants is. */
const isAskedOf = ({ intent, rollback }: SeqRun): boolean =>
  intent !== null || rollback?.state === 'pending'
