/**
 * A time of day that jumps backwards, and the delays that were counted on it.
 *
 * Instants are kept in the file as epoch ms. A delay, a backoff, a sleep, a time to live or a deadline that was given as a length of time becomes such
 * an instant, too: a run with a delay of 2.5 s is due at 14:00:02.5. Should somebody set the clock back by an hour just then, the run would wait for an hour.
 * The monotonic clock does not jump, so the difference of the two clocks shows by how much the time of day has fallen back; and what was
 * due after a length of time is then due that much earlier on the new time of day. An instant that people named as a date stays as it is.
 *
 * The file has the difference that is known, for this boot. Each transaction and each read compares it with the present one before it does anything
 * else. So nothing is stored by the new time of day before everything older was moved, whichever process sees the jump first.
 *
 * A jump forwards is left alone: time goes by on the clock of people while a machine sleeps.
 */
import type { Tx } from '../driver/driver.ts'
import type { Row } from '../driver/sql.ts'
import { machineMs, type MachineClock } from './machine-clock.ts'

/** The statement that reads what is known of the time of day. */
export const timeOfDayRow = "SELECT value FROM checkrein_meta WHERE name = 'time of day'"
const writeOffset = `INSERT INTO checkrein_meta (name, value) VALUES ('time of day', ?1)
  ON CONFLICT (name) DO UPDATE SET value = excluded.value`

/** By how much the two clocks may differ from what is known: they are corrected by small steps all the time, ms. */
const toleranceMs = 1000

/** The bits of the column `dated`: the instants of a run that somebody named as dates. */
const [datedStart, datedDeadline] = [1, 2]

/** Moves everything that is due after a length of time; each has the words of an index of its own, for a jump is not to read all runs. */
const moves = [
  `UPDATE checkrein_runs SET run_at = run_at - ?1 WHERE state = 'scheduled'
     AND NOT (attempt = 0 AND coalesce(dated, 0) & ${datedStart})`,
  `UPDATE checkrein_runs SET run_at = run_at - ?1
     WHERE (state = 'waiting' OR state = 'paused' OR state = 'failed' OR state = 'cancelled')
     AND finished_at IS NULL AND run_at IS NOT NULL AND NOT (attempt = 0 AND coalesce(dated, 0) & ${datedStart})`,
  'UPDATE checkrein_runs SET wake_at = wake_at - ?1 WHERE wake_at IS NOT NULL',
  `UPDATE checkrein_runs SET expires_at = expires_at - ?1
     WHERE expires_at IS NOT NULL AND attempt = returned AND finished_at IS NULL`,
  `UPDATE checkrein_runs SET deadline_at = deadline_at - ?1
     WHERE deadline_at IS NOT NULL AND finished_at IS NULL AND NOT coalesce(dated, 0) & ${datedDeadline}`,
  'UPDATE checkrein_tombstones SET expires_at = expires_at - ?1',
  'UPDATE checkrein_bulks SET touched_at = touched_at - ?1 WHERE finished_at IS NULL',
]

/** Watches the time of day of this machine for one file. */
export class TimeOfDay {
  /** Null where nothing is watched: the system names no boot. */
  readonly #clock: MachineClock | null
  /** The time of day less the monotonic clock, ms, as this process knows it to stand in the file. */
  #known = Number.NaN

  /** @param rows the answer to `timeOfDayRow`. */
  constructor(clock: MachineClock | null, rows: readonly Row[]) {
    this.#clock = clock
    this.#known = this.#of(rows) ?? Number.NaN
  }

  /** Whether the time of day has fallen back: what is due is to be moved before anybody looks for it. */
  get hasFallenBack(): boolean {
    return this.#offset < this.#known - toleranceMs
  }

  /**
   * Notes a jump of the time of day and, where it has fallen back, moves what is due after a length of time: the first thing that a
   * transaction does which writes.
   * @param isOurs whether this process sees to the commit; else it looks again the next time.
   */
  async follow(tx: Tx, { isOurs = true } = {}): Promise<void> {
    const now = this.#offset
    if (this.#clock === null || Math.abs(now - this.#known) <= toleranceMs) return
    const before = this.#of(await tx.all(timeOfDayRow))
    if (before !== null && now < before - toleranceMs) {
      const fellBackMs = Math.round(before - now)
      for (const move of moves) await tx.all(move, [fellBackMs])
    }
    const isNew = before === null || Math.abs(now - before) > toleranceMs
    if (isNew) await tx.all(writeOffset, [JSON.stringify({ boot: this.#clock.boot, offset: now })])
    if (isOurs) this.#known = isNew ? now : before
  }

  /** Forgets what it knows, for the transaction that has noted it failed. */
  forget(): void {
    this.#known = Number.NaN
  }

  get #offset(): number {
    return this.#clock === null ? Number.NaN : Math.round(Date.now() - machineMs(this.#clock))
  }

  #of([row]: readonly Row[]): number | null {
    if (!row) return null
    const { boot, offset } = JSON.parse(String(row['value'])) as { boot: string; offset: number }
    return boot === this.#clock?.boot ? offset : null
  }
}
