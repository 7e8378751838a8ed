/** The waits of handles: for the end of a run, for a pause to take effect, for the outcome of a signal. */
import type { StoredRun } from '../../core/run/run.ts'
import type { SignalRecord, Store } from '../../store/store.ts'
import { notFound } from '../views/errors.ts'
import { type Gone, Waits } from './waits.ts'

/** The waits that all handles of a client share. */
export class RunWaits implements Disposable {
  /** The end of a run, by its id. */
  readonly ends: Waits<StoredRun>
  /** A run as it is, by its id. */
  readonly runs: Waits<StoredRun>
  /** The outcome of a request to a run, by the name that `nameOf` gives it. */
  readonly requests: Waits<SignalRecord>

  constructor(store: Store) {
    const gone: Gone = async (id) => ((await store.get(id)) === null ? notFound(id) : null)
    this.ends = new Waits(store, async (ids) => byId(await store.finals(ids)), gone)
    this.runs = new Waits(
      store,
      async (ids) => {
        const runs = await Promise.all(ids.map((id) => store.get(id)))
        return byId(runs.filter((run) => run !== null))
      },
      gone,
    )
    this.requests = new Waits(store, async (names) => {
      const found: [string, SignalRecord][] = []
      for await (const record of recordsOf(store, names))
        if (record.runId !== null) found.push([nameOf(record.callId, record.runId), record])
      return found
    })
  }

  [Symbol.dispose](): void {
    this.ends.close()
    this.runs.close()
    this.requests.close()
  }
}

const byId = (runs: readonly StoredRun[]): [string, StoredRun][] => runs.map((run) => [run.id, run])

/** The length of a UUID as text. */
const callIdLength = 36

/** The name under which a request to a run is waited for. */
export const nameOf = (callId: string, runId: string): string => `${callId} ${runId}`

/** The call and the run of a name. */
const partsOf = (name: string): [callId: string, runId: string] => [
  name.slice(0, callIdLength),
  name.slice(callIdLength + 1),
]

const mostNames = 500
const pageLength = 1000

async function* recordsOf(
  store: Pick<Store, 'signals'>,
  names: readonly string[],
): AsyncGenerator<SignalRecord, void, undefined> {
  for (let at = 0; at < names.length; at += mostNames) {
    const parts = names.slice(at, at + mostNames).map(partsOf)
    const callIds = [...new Set(parts.map(([callId]) => callId))]
    const runIds = [...new Set(parts.map(([, runId]) => runId))]
    const query = { callIds, runIds, isHeard: true }
    let after = -1
    for (let isLast = false; !isLast;) {
      const page = await store.signals(query, { after, limit: pageLength })
      yield* page
      isLast = page.length < pageLength
      after = page.at(-1)?.position ?? after
    }
  }
}
