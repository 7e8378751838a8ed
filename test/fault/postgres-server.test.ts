import assert from 'node:assert/strict'
import { mkdtempDisposableSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { after, before, suite, test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect, isCheckreinError, task } from '../../src/index.ts'
import { Bed, eventually, until } from '../support/bed.ts'
import { ask } from '../support/database.ts'
import { PostgresServer } from '../support/postgres-server.ts'
import { isDead } from '../support/processes.ts'
import { TcpProxy } from '../support/proxy.ts'
import { Callers } from './callers.ts'
import * as tasks from './fleet-tasks.ts'
import { Fleet, type FleetOptions, type WorkerProcess } from './fleet.ts'
import { Load, randomFrom } from './load.ts'

const modules = [new URL('./fleet-tasks.ts', import.meta.url).href]
const settings = { modules, spares: 0, concurrency: 2 } as const

/** Two workers, which must be the same two at the end. */
async function startTwo(fleet: Fleet, options: FleetOptions): Promise<void> {
  await Promise.all([fleet.start(options), fleet.start(options)])
}

function assertUnharmed(fleet: Fleet): void {
  for (const worker of fleet.workers) assert.ok(worker.isRunning, JSON.stringify(worker.events))
}

const wasSeen = (worker: WorkerProcess, type: string): boolean =>
  worker.events.some((event) => event.type === type)

suite('while runs are enqueued, worked on and cancelled, a server', () => {
  let server: PostgresServer
  before(async () => void (server = await PostgresServer.make()))
  after(() => server[Symbol.asyncDispose]())

  test('that is restarted, shut down at once or killed with -9, and started, costs no run, no request, and no attempt', async (t) => {
    await using bed = await Bed.make({ on: 'postgres', at: server.url })
    await using fleet = new Fleet()
    await startTwo(fleet, { url: bed.url, lease: 60_000, ...settings })
    const load = new Load({ client: bed.client, folder: bed.folder, seed: 1 })
    const harms = [
      () => server.restart(),
      () => server.stop('immediate'),
      () => server.kill(),
      () => server.stop('immediate'),
      () => server.kill(),
    ]
    const harming = async (): Promise<void> => {
      for (const [at, harm] of harms.entries()) {
        await load.reaches(20 * (at + 1))
        await harm()
        await server.start()
      }
    }
    await Promise.all([load.enqueue(120), load.cancel(12), harming()])
    const totals = await load.check()
    t.diagnostic(JSON.stringify(totals))
    assert.equal(totals.lapses + totals.crashes, 0)
    assertUnharmed(fleet)
    assert.ok(!fleet.workers.some((worker) => wasSeen(worker, 'lease-lost')))
  })

  test('that is away for longer than the leases has its runs done once, by the same workers', async () => {
    await using bed = await Bed.make({ on: 'postgres', at: server.url })
    await using fleet = new Fleet()
    await startTwo(fleet, { url: bed.url, lease: 3000, ...settings })
    const inputs = Array.from({ length: 4 }, () => ({ input: { folder: bed.folder } }))
    const runs = await bed.client.enqueueMany(tasks.blockAlone, inputs)
    const begun = await Promise.all(runs.map(async (run) => attemptOf(await until(run, hasBegun))))
    const losses = fleet.workers.map((worker) => worker.next('lease-lost'))
    await server.kill()
    await Promise.all(losses)
    await eventually(() => begun.every(([, pid]) => isDead(pid)), 'no code runs without a lease')
    writeFileSync(join(bed.folder, 'go'), '')
    await server.start()
    const ended = await Promise.all(runs.map((run) => run.result()))
    for (const [at, attempt] of ended.entries()) assert.ok(attempt > (begun[at]?.[0] ?? 0))
    assert.deepEqual(tasks.violationsIn(bed.folder), [])
    assertUnharmed(fleet)
  })
})

const hasBegun = ({ progress }: { progress?: unknown }): boolean => progress !== undefined
/** The number of the attempt, and its process. */
const attemptOf = ({ progress }: { progress?: unknown }): [number, number] =>
  progress as [number, number]

test('a server that is killed again and again makes nobody believe what is not', async (t) => {
  await using server = await PostgresServer.make()
  await using bed = await Bed.make({ on: 'postgres', at: server.url })
  const seed = Number(process.env['SERVER_SEED'] ?? Date.now() % 2 ** 31)
  const settings = { url: bed.url, count: 6, patienceMs: 500, random: randomFrom(seed) }
  await using callers = await Callers.make(settings)
  let isOver = false
  const calling = callers
    .call(Number(process.env['SERVER_CALLS'] ?? 10))
    .finally(() => (isOver = true))
  while (!isOver) {
    await Promise.race([calling, pause(settings.random() * 400)])
    await server.kill()
    await Promise.race([calling, pause(settings.random() * 600)])
    await server.start()
  }
  await calling
  t.diagnostic(`SERVER_SEED=${seed}: ${callers.report()}`)
  assert.deepEqual(await callers.lies(bed.client), [])
  assert.ok(callers.count('done') > 0)
})

suite('a server that fails over to its synchronous standby', { concurrency: true }, () => {
  test('named in the URL beside it, costs no run and no request', async (t) => {
    await using pair = await Pair.make()
    const { primary, standby } = pair
    const url = `postgres://postgres@127.0.0.1:${primary.port},127.0.0.1:${standby.port}/postgres`
    await goesOn(t, pair, { url })
  })

  test('behind an address that moves to it, costs no run and no request', async (t) => {
    await using pair = await Pair.make()
    await using address = await TcpProxy.make(pair.primary.url)
    const url = address.url(pair.primary.url)
    await goesOn(t, pair, { url, moved: () => address.retarget(pair.standby.url) })
  })
})

suite('a server that is out of connections', { concurrency: true }, () => {
  test('fails new calls in a way that can be tried again, while those who have connections go on', async () => {
    await using server = await PostgresServer.make({ settings: few })
    await using bed = await Bed.make({ on: 'postgres', at: server.url, worker: settings })
    await using crowd = new Crowd(server.url)
    await bed.client.enqueue(tasks.waitOnce, { file: bed.folder })
    await crowd.fill()
    const run = await bed.client.enqueue(tasks.waitOnce, { file: bed.folder })
    assert.equal(await run.result(), 1)
    await assert.rejects(
      connect(bed.url, { patienceMs: 100 }),
      (error) => isCheckreinError(error) && error.code === 'STORE_BUSY' && error.isRetryable,
    )
  })

  test('costs a worker that has none its lease, never two attempts at a time, and it goes on by itself', async () => {
    await using server = await PostgresServer.make({ settings: few })
    await using bed = await Bed.make({ on: 'postgres', at: server.url })
    await using fleet = new Fleet()
    const worker = await fleet.start({ url: bed.url, lease: 3000, ...settings })
    const run = await bed.client.enqueue(tasks.blockAlone, { folder: bed.folder })
    const [attempt, pid] = attemptOf(await until(run, hasBegun))
    {
      await using crowd = new Crowd(server.url)
      await crowd.fill()
      await crowd.pushOutUntil(worker.next('lease-lost'))
      await eventually(() => isDead(pid), 'no code runs without a lease')
      writeFileSync(join(bed.folder, 'go'), '')
    }
    assert.ok((await run.result()) > attempt)
    assert.deepEqual(tasks.violationsIn(bed.folder), [])
    assertUnharmed(fleet)
  })
})

const few = { max_connections: '12' }

/** Takes all the connections that a server has. */
class Crowd implements AsyncDisposable {
  readonly #url: string
  readonly #clients: Client[] = []

  constructor(url: string) {
    this.#url = url
  }

  /** Fulfils when the server has no connection left. */
  async fill(): Promise<void> {
    for (;;) {
      const client = new Client(this.#url)
      client.on('error', () => {})
      try {
        await client.connect()
      } catch (error) {
        if ((error as { code?: unknown }).code === '53300') return
        throw error
      }
      this.#clients.push(client)
    }
  }

  /** Ends everybody else's connections and takes them, again and again. */
  async pushOutUntil(enough: Promise<unknown>): Promise<void> {
    let isEnough = false
    void enough.finally(() => (isEnough = true))
    const others = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'checkrein'`
    while (!isEnough) {
      await this.#clients[0]?.query(others)
      await this.fill()
      // Nobody gets one meanwhile.
      await pause(50)
    }
    await enough
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.end()))
  }
}

async function goesOn(
  t: TestContext,
  pair: Pair,
  { url, moved = () => {} }: { url: string; moved?: () => void },
): Promise<void> {
  const folder = mkdtempDisposableSync(join(tmpdir(), 'checkrein-test-'))
  using _ = folder
  await using client = await connect(url)
  await using fleet = new Fleet()
  await startTwo(fleet, { url, ...settings })
  const load = new Load({ client, folder: folder.path, seed: 1 })
  const harming = async (): Promise<void> => {
    await load.reaches(25)
    await pair.failOver()
    moved()
  }
  await Promise.all([load.enqueue(50), load.cancel(8), harming()])
  const totals = await load.check()
  t.diagnostic(JSON.stringify({ ...totals, refused: load.refused.map(({ message }) => message) }))
  assertUnharmed(fleet)
}

suite(
  'a commit that was lost in a fail-over, whose id the new server has given to another one',
  () => {
    test('is not taken for done: it is made again', async () => {
      await using pair = await Pair.make()
      const { primary, standby } = pair
      // The client finds the new server only when that has given the id away.
      await using way = await TcpProxy.make(standby.url)
      way.cut()
      const url = `postgres://postgres@127.0.0.1:${primary.port},127.0.0.1:${way.port}/postgres`
      await using client = await connect(url)
      pair.replication.swallow()
      const enqueueing = client.enqueue(lost, undefined, { key: 'a' })
      const xid = await committing(primary)
      await pair.failOver()
      while (Number(await ask(standby.url, 'SELECT pg_current_xact_id()::text answer')) < xid);
      way.restore()
      const { id } = await enqueueing
      await using after = await connect(standby.url)
      assert.equal((await after.run(id).get()).state, 'queued')
    })
  },
)

const lost = task({ name: 'lost', run: () => undefined })

/** Fulfils with the id of the transaction that waits for the standby to have its commit. */
async function committing(server: PostgresServer): Promise<number> {
  const sql = `SELECT backend_xid::text answer FROM pg_stat_activity WHERE wait_event = 'SyncRep'`
  let xid: unknown
  await eventually(async () => (xid = await ask(server.url, sql)) !== undefined, 'a commit')
  return Number(xid)
}

/** A server, and a standby that has all that it has committed. */
class Pair implements AsyncDisposable {
  readonly primary: PostgresServer
  readonly standby: PostgresServer
  /** Between them. */
  readonly replication: TcpProxy
  readonly #stack: AsyncDisposableStack

  static async make(): Promise<Pair> {
    await using stack = new AsyncDisposableStack()
    const primary = stack.use(await PostgresServer.make())
    const replication = stack.use(await TcpProxy.make(primary.url))
    const primary_conninfo = `host=127.0.0.1 port=${replication.port} user=postgres`
    const standby = stack.use(await primary.standby({ settings: { primary_conninfo } }))
    await ask(primary.url, `ALTER SYSTEM SET synchronous_standby_names = '*'`)
    await ask(primary.url, 'SELECT pg_reload_conf()')
    const state = 'SELECT sync_state answer FROM pg_stat_replication'
    await eventually(async () => (await ask(primary.url, state)) === 'sync', 'the standby')
    return new Pair({ primary, standby, replication }, stack.move())
  }

  private constructor(
    parts: Pick<Pair, 'primary' | 'standby' | 'replication'>,
    stack: AsyncDisposableStack,
  ) {
    this.primary = parts.primary
    this.standby = parts.standby
    this.replication = parts.replication
    this.#stack = stack
  }

  async failOver(): Promise<void> {
    await this.primary.kill()
    await this.standby.promote()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]()
  }
}
