import { type Duration, durationMs } from '../../core/duration.ts'
import type { Retention } from '../../store/store.ts'

/** How long runs are kept after their end, by state, and rows of the record after they were made; without a duration they are kept for ever. */
export type RetentionOptions = Readonly<Partial<Record<keyof Retention, Duration>>>

/** Gives a retention in ms; null for ever. @throws {CheckreinError} `USAGE` where a value is no duration. */
export function retentionMs(retention: RetentionOptions): Retention {
  const of = (state: keyof Retention): number | null =>
    retention[state] === undefined ? null : durationMs(retention[state], state)
  return {
    completed: of('completed'),
    failed: of('failed'),
    cancelled: of('cancelled'),
    audit: of('audit'),
  }
}
