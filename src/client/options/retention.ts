import { type Duration, durationMs } from '../../core/duration.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { Retention, Store } from '../../store/store.ts'

/** How long runs are kept after their end, and the record of what was asked; what is left out is kept for ever. */
export type RetentionOptions = Readonly<Partial<Record<keyof Retention, Duration>>>

/** A retention in ms. @throws {CheckreinError} `USAGE` for what is no duration. */
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

/** Deletes what is past its retention, step by step; how much. */
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
