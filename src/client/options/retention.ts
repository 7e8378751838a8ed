import { type Duration, durationMs } from '../../core/duration.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { Retention, Store } from '../../store/store.ts'

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

/** Deletes the runs and rows that are past their retention, step by step. @returns how many runs were deleted. */
export async function pruneAll(
  store: Pick<Store, 'prune'>,
  retention: RetentionOptions,
  { step = 1000 }: { readonly step?: number },
): Promise<number> {
  if (!Number.isInteger(step) || step < 1)
    throw new CheckreinError('USAGE', { message: 'step must be a whole number from 1' })
  const kept = retentionMs(retention)
  let count = 0
  for (let deleted = step; deleted === step; count += deleted)
    deleted = await store.prune(kept, step)
  return count
}
