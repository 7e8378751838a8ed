/** The errors of waits whose time is over: their hints tell how the run is just then. */
import { humanDuration } from '../../core/duration.ts'
import { CheckreinError, type ErrorCode } from '../../core/errors.ts'
import type { PauseIntent } from '../../core/run/intent.ts'
import type { StoredRun } from '../../core/run/run.ts'
import type { Store } from '../../store/store.ts'

/** The code of an error of a wait whose time is over. */
export type LateCode = Extract<ErrorCode, 'RESULT_TIMEOUT' | 'STOP_PENDING' | 'PAUSE_PENDING'>

interface Late {
  readonly id: string
  readonly code: LateCode
  readonly timeoutMs: number | null
}

/** Makes the error of a wait whose time is over, with a hint that tells how the run is just then. */
export async function lateError(
  store: Pick<Store, 'get' | 'workers'>,
  { id, code, timeoutMs }: Late,
): Promise<CheckreinError> {
  // Where the store cannot be asked, less can be said.
  const hint = await hints[code](store, id).catch(() => plainHints[code])
  return new CheckreinError(code, { hint, details: { id, timeoutMs } })
}

const plainHints: Readonly<Record<LateCode, string>> = {
  RESULT_TIMEOUT: 'Wait longer with `timeout`, or look again with `get`.',
  STOP_PENDING: 'The request is on record; look again with `get`.',
  PAUSE_PENDING: 'The request is on record; look again with `get`.',
}

type Hint = (store: Pick<Store, 'get' | 'workers'>, id: string) => Promise<string>

const hints: Readonly<Record<LateCode, Hint>> = {
  RESULT_TIMEOUT: async () => plainHints.RESULT_TIMEOUT,
  STOP_PENDING: async (store, id) => {
    const run = await store.get(id)
    if (run?.rollback?.state === 'pending')
      return 'It is being rolled back, and that goes on; look again with `get`. `terminate` gives the roll-back up.'
    if (run && (await isLost(store, run))) return lostHint('is cancelled')
    return run?.intent?.stop?.verb === 'terminate'
      ? 'The request is on record and will be carried out; look again with `get`.'
      : 'The request is on record and will be carried out; look again with `get`, or use `terminate` to force it.'
  },
  PAUSE_PENDING: async (store, id) => {
    const run = await store.get(id)
    if (run && (await isLost(store, run))) return lostHint('is paused')
    return `The request is on record; ${pauseWords(run?.intent?.pause ?? null)} Look again with \`get\`.`
  },
}

/** Whether the worker that holds the run lives no more, as far as its lease says. */
async function isLost(store: Pick<Store, 'workers'>, { workerId }: StoredRun): Promise<boolean> {
  if (workerId === null) return false
  const worker = (await store.workers()).find(({ id }) => id === workerId)
  return worker === undefined || worker.leaseLeftMs <= 0
}

const lostHint = (what: string): string =>
  `The request is on record; its worker is lost, and the run ${what} when another worker has seen that. Look again with \`get\`.`

function pauseWords(pause: PauseIntent | null): string {
  if (pause === null) return 'it has just been settled.'
  const { otherwise, overdueAt, withinMs } = pause
  if (otherwise === 'wait')
    return "it parks at its next checkpoint, and `otherwise: 'kill'` does not wait for one."
  const done = otherwise === 'kill' ? 'killed' : 'frozen'
  if (overdueAt !== null)
    return `it met no checkpoint in time and cannot be ${done}, so it parks at its next one.`
  return `it parks at its next checkpoint, and is ${done} where it meets none in ${humanDuration(withinMs)}.`
}
