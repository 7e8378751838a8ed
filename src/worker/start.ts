import { Client } from '../client/client.ts'
import { CheckreinError } from '../core/errors.ts'
import {
  connect,
  connectOptionsIn,
  type ConnectOptions,
  type StorePlace,
} from '../client/connect.ts'
import type { WorkerOptions } from './options.ts'
import type { Worker } from './worker.ts'

/** The options of `startWorker`: those of the worker, and those of the connection where a URL or a pool is given. */
export type StartWorkerOptions = WorkerOptions &
  Omit<ConnectOptions, 'by' | 'payloadLimit' | 'create' | 'now'>

/**
 * Starts a worker in this process: on the store of a client that is open, or on one that a URL or a `pg.Pool` names.
 *
 * It installs no handlers for OS signals; `checkrein worker` does. Stop it with `stop()`, or hold it with `await using`.
 * @throws {CheckreinError} `TASK_…` where a module or task is not valid, `USAGE`, `STORE_…`.
 */
export async function startWorker(
  store: StorePlace | Client,
  options: StartWorkerOptions,
): Promise<Worker> {
  const toConnect = connectOptionsIn({ ...options })
  const own = Object.entries(options).filter(
    ([name]) => name === 'payloadLimit' || !Object.hasOwn(toConnect, name),
  )
  const settings = Object.fromEntries(own) as unknown as WorkerOptions
  const { Worker } = await import('./worker.ts')
  if (store instanceof Client) return Worker.start(store.store, settings)
  refuseForeign(store)
  const client = await connect(store, toConnect)
  try {
    return await Worker.start(client.store, settings, {
      onStopped: () => {
        client.store.hasten()
        return client[Symbol.asyncDispose]()
      },
    })
  } catch (error) {
    await client[Symbol.asyncDispose]()
    throw error
  }
}

/** @throws {CheckreinError} `USAGE` for a client that another copy of the package has made: its insides may differ. */
function refuseForeign(store: StorePlace): void {
  const { enqueueByName } = Object(store) as { readonly enqueueByName?: unknown }
  if (typeof enqueueByName !== 'function') return
  throw new CheckreinError('USAGE', {
    message: 'The client is of another copy of checkrein than the worker',
    hint: 'Give the worker the URL of the store, or have one copy alone: `npm ls checkrein` shows them.',
  })
}
