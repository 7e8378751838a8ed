/**
 * The last act of a worker whose process ends although inline handlers go on in it: their runs go back to the queue.
 *
 * Nothing can end such a handler but the end of the process. A run that is handed back before that may start elsewhere while its
 * old code still executes, and one that is not handed back counts a crash when the lease has lapsed, though all that has happened
 * is a deploy. So the runs are handed back by another thread, while the thread of the handlers stands still and will never go on:
 * the caller ends the process next.
 */
import { connect, type ConnectOptions } from '../client/connect.ts'
import { doWhileBlocked } from '../executor/os/while-blocked.ts'

/** A worker that has stopped, and the store in which it held runs. */
export interface HandBack {
  readonly url: string
  readonly options: ConnectOptions
  readonly workerId: string
}

/** How long the store may take. The runs that are not handed back by then lapse. */
const boundMs = 5000

/**
 * Hands back all runs that a worker still holds, as interrupted by its end, and stands still meanwhile. The caller must end the
 * process before it gives the event loop another turn.
 * @returns whether they are handed back.
 */
export function handBack(given: HandBack): boolean {
  return doWhileBlocked({ module: import.meta.url, given }, boundMs)
}

/** Does it; called in the other thread. A run that was asked to stop lapses instead: nobody has observed the end of its code. */
export async function work({ url, options, workerId }: HandBack): Promise<void> {
  await using client = await connect(url, { ...options, migrate: false, patienceMs: boundMs })
  const { store } = client
  const asked = await store.intents(workerId)
  const stopping = new Set(asked.flatMap(({ runId, intent }) => (intent?.stop ? [runId] : [])))
  const held = (await store.held(workerId)).filter(({ id }) => !stopping.has(id))
  const calls = held.map(({ id: runId, attempt }) => {
    const fence = { runId, attempt, workerId }
    const ended = { deliveredAt: null, proof: null }
    return { runId, event: { type: 'release', mode: 'forced', fence, ...ended } as const }
  })
  await store.apply(calls)
  await store.removeWorker(workerId)
}
