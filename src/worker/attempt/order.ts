import type { AttemptOrder } from '../../executor/executor.ts'
import type { ClaimedRun } from '../../store/store.ts'
import type { RegisteredTask } from '../registry.ts'

/**
 * Makes the order that tells an isolate what to run: the input, the last checkpoint, the waits that are over, the limits of
 * what the attempt may send back and, where the run is rolled back, why.
 * @param limits the largest result, in bytes of JSON, and the time of the store, epoch ms.
 */
export function orderOf(
  run: ClaimedRun,
  registered: RegisteredTask,
  { payloadLimit, now }: { readonly payloadLimit: number; readonly now: number },
): AttemptOrder {
  const { module } = registered
  const { checkpointLimit, reuseIsolate } = registered.task
  const { id, task, queue, key, tags, attempt, workflow, parent, rollback } = run
  const { input, isMapped, checkpoint, wait, signalled } = run
  const info = { id, task, queue, key, tags, attempt, workflow, parent }
  const back = rollback && {
    stop: rollback.stop,
    error: rollback.stop === null ? run.error : null,
    undoes: rollback.undoes ?? null,
  }
  const limits = { payloadLimit, checkpointLimit, reuseIsolate }
  const { done: waits = [], begun } = wait ?? {}
  const begunWait = begun ? { signal: begun.signal, leftMs: Math.max(0, begun.endsAt - now) } : null
  const kept = { state: checkpoint, waits, begunWait, signalled, rollback: back }
  return { run: info, module, input, isMapped, ...limits, ...kept }
}
