import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Client,
  connect,
  type ConnectOptions,
  type Run,
  type RunHandle,
  startWorker,
  type Worker,
  type WorkerOptions,
} from '../../src/index.ts'
import { dropSchema, freshSchema, testDatabase } from './database.ts'

/** The kinds of store that a test may be run on. */
export const storeKinds = ['sqlite', 'postgres'] as const
export type StoreKind = (typeof storeKinds)[number]

export interface BedOptions extends ConnectOptions {
  /** Default: what `TEST_STORE` says, or SQLite. */
  readonly on?: StoreKind
  /** The PostgreSQL server; default: the one that tests share. */
  readonly at?: string
  /** A worker is started where modules are given. */
  readonly worker?: WorkerOptions
}

/** A store in a folder of its own, a client on it, and perhaps a worker: all gone when the test is. */
export class Bed implements AsyncDisposable {
  readonly folder: string
  readonly url: string
  readonly client: Client
  worker: Worker | null = null

  static async make({ worker, on = defaultKind, at, ...options }: BedOptions = {}): Promise<Bed> {
    const folder = mkdtempSync(join(tmpdir(), 'checkrein-test-'))
    const url =
      on === 'sqlite' ? `sqlite:${join(folder, 'test.db')}` : await schemaUrl(freshSchema(), at)
    const bed = new Bed(folder, url, await connect(url, options))
    if (worker) await bed.startWorker(worker)
    return bed
  }

  private constructor(folder: string, url: string, client: Client) {
    this.folder = folder
    this.url = url
    this.client = client
  }

  async startWorker(options: WorkerOptions): Promise<Worker> {
    this.worker = await startWorker(this.client, { spares: 0, ...options })
    return this.worker
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker?.stop({ finish: 0, grace: 50 })
    await this.client[Symbol.asyncDispose]()
    const schema = new URL(this.url).searchParams.get('schema')
    if (schema !== null) await dropSchema(this.url, schema)
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** What `TEST_STORE` says. */
export const defaultKind: StoreKind =
  process.env['TEST_STORE'] === 'postgres' ? 'postgres' : 'sqlite'

/**
 * The options of a test of what no store has a part in, such as how an isolate ends: it is made on SQLite alone, though its suite
 * is made on each kind of store. Claims, leases, requests and signals are tested on every kind.
 */
export const storeless = (on: StoreKind = defaultKind): { readonly skip: string | false } => ({
  skip: on === 'sqlite' ? false : 'the store has no part in it: tested on SQLite',
})

/** The URL of a schema in the database that tests share, or in another. */
export async function schemaUrl(schema: string, at?: string): Promise<string> {
  const url = new URL(at ?? (await testDatabase()))
  url.searchParams.set('schema', schema)
  return url.href
}

const patienceMs = 60_000

/** Fulfils when the run is as wanted; rejects after a minute. Woken by the run's own events. */
export async function until(run: RunHandle, isWanted: (run: Run) => boolean): Promise<Run> {
  const abortSignal = AbortSignal.timeout(patienceMs)
  const first = await run.get()
  if (isWanted(first)) return first
  for await (const _ of run.events({ abortSignal })) {
    const now = await run.get()
    if (isWanted(now)) return now
  }
  const last = await run.get()
  if (isWanted(last)) return last
  throw new Error(`run ${run.id} ended ${last.state} without being as wanted`)
}

/** Fulfils when the handler of a run has said something. That a run is `running` does not mean that its handler has begun. */
export async function begun(run: RunHandle): Promise<void> {
  const abortSignal = AbortSignal.timeout(patienceMs)
  for await (const { type } of run.events({ abortSignal }))
    if (type === 'log' || type === 'progress') return
  throw new Error(`run ${run.id} ended without a word of its handler`)
}

/** Fulfils when a check answers true, asked every few ms; rejects after a deadline. For what sends no event: pids, files. */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  what: string,
  everyMs = 5,
): Promise<void> {
  const giveUpAt = performance.now() + patienceMs
  while (!(await check())) {
    if (performance.now() > giveUpAt) throw new Error(`${what}: not within ${patienceMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
