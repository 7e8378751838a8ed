import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type Client, connect, isCheckreinError, type RunHandle } from '../../src/index.ts'
import { openStore } from '../../src/store/open.ts'
import { plainWorker } from '../store/bed.ts'
import { Bed, eventually, until } from '../support/bed.ts'
import { ask } from '../support/database.ts'
import { isDead } from '../support/processes.ts'
import { type Passing, TcpProxy } from '../support/proxy.ts'
import { Callers, isUncertain, work } from './callers.ts'
import * as tasks from './fleet-tasks.ts'
import { Fleet } from './fleet.ts'
import { type Random, randomFrom } from './load.ts'

const modules = [new URL('./fleet-tasks.ts', import.meta.url).href]
const quick = {
  modules,
  spares: 0,
  concurrency: 2,
  lease: 3000,
  poll: 200,
  answerMs: 1000,
} as const

/** A bed on PostgreSQL, a network on the way there, and a client behind it. */
class Scene implements AsyncDisposable {
  readonly bed: Bed
  readonly network: TcpProxy
  /** The database, through the network. */
  readonly url: string

  static async make(): Promise<Scene> {
    const bed = await Bed.make({ on: 'postgres' })
    return new Scene(bed, await TcpProxy.make(bed.url))
  }

  private constructor(bed: Bed, network: TcpProxy) {
    this.bed = bed
    this.network = network
    this.url = network.url(bed.url)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.network.restore()
    await this.bed[Symbol.asyncDispose]()
    await this.network[Symbol.asyncDispose]()
  }
}

/** Something that a caller asks for, and what its last statement says: it is done when the server has that. */
interface Call {
  readonly last: string
  readonly make: (client: Client) => Promise<unknown>
  /** How often it was done. */
  readonly count: (client: Client) => Promise<number>
}

const queued = async (client: Client): Promise<number> => (await client.counts()).queued
const calls: Readonly<Record<string, Call>> = {
  'an enqueue': { last: 'INSERT INTO', make: (client) => client.enqueue(work), count: queued },
  'an enqueue with a key': {
    last: 'COMMIT\0',
    make: (client) => client.enqueue(work, undefined, { key: 'a' }),
    count: queued,
  },
  'a request to stop': {
    last: 'COMMIT\0',
    make: (client) => client.run('later').revoke(),
    count: async (client) => (await client.tombstones()).length,
  },
  'a completion': {
    last: 'WITH done',
    make: async (client) => {
      await client.enqueue(work, undefined, { id: 'done' })
      await client.store.registerWorker({ ...plainWorker, id: 'w1' })
      const request = { workerId: 'w1', queues: ['default'], tasks: [work.name], limit: 1 }
      const [{ seq, attempt } = { seq: 0, attempt: 0 }] = await client.store.claim(request)
      const fence = { runId: 'done', attempt, workerId: 'w1' }
      const event = {
        type: 'complete',
        fence,
        result: '1',
        deliveredAt: null,
        proof: null,
      } as const
      assert.deepEqual(await client.store.apply([{ runId: 'done', seq, event }]), ['done'])
    },
    count: async (client) => {
      const entries = await client.store.feed({ runId: 'done', after: -1, limit: 100 })
      return entries.filter(({ type }) => type === 'complete').length
    },
  },
}

/** Does something to the connection of a call when its last statement is on its way, or when the answer is. */
function atTheEnd(
  network: TcpProxy,
  { last, when }: { last: string; when: Passing['direction'] },
  harm: (passing: Passing) => void,
): void {
  let link: number | null = null
  let isDone = false
  network.watch((passing) => {
    if (passing.direction === 'up' && passing.bytes.includes(last)) link ??= passing.link
    if (isDone || link !== passing.link || passing.direction !== when) return
    isDone = true
    harm(passing)
  })
}

for (const [what, { last, make, count }] of Object.entries(calls))
  suite(`${what} whose connection is lost`, () => {
    for (const [where, when] of [
      ['before the server has it', 'up'],
      ['before its answer has come', 'down'],
    ] as const) {
      test(`${where}, is done once`, async () => {
        await using scene = await Scene.make()
        await using client = await connect(scene.url)
        atTheEnd(scene.network, { last, when }, ({ cut }) => cut())
        await make(client)
        assert.equal(await count(scene.bed.client), 1)
      })

      test(`${where}, in silence, is done once`, async () => {
        await using scene = await Scene.make()
        await using client = await connect(scene.url, { answerMs: 300 })
        atTheEnd(scene.network, { last, when }, ({ swallow }) => swallow())
        await make(client)
        scene.network.restore()
        assert.equal(await count(scene.bed.client), 1)
      })
    }

    test('for good, fails with the word that it may have been done', async () => {
      await using scene = await Scene.make()
      await using client = await connect(scene.url, { patienceMs: 300 })
      atTheEnd(scene.network, { last, when: 'down' }, () => scene.network.cut())
      await assert.rejects(make(client), isUncertain)
      assert.equal(await count(scene.bed.client), 1)
    })
  })

test('workers hear of a commit whose answer was lost', async () => {
  await using scene = await Scene.make()
  const { bed, network } = scene
  await using fleet = new Fleet()
  // It looks so seldom that nothing but the word of the run can make it.
  await fleet.start({ ...quick, url: bed.url, poll: 600_000 })
  await using client = await connect(scene.url)
  for (let n = 0; n < 3; n++) {
    atTheEnd(network, { last: 'COMMIT\0', when: 'up' }, ({ cut }) => setImmediate(cut))
    const { id } = await client.enqueue(
      tasks.exclusive,
      { folder: bed.folder, ms: 1 },
      { key: `${n}` },
    )
    await bed.client.run(id).result({ timeout: 60_000 })
  }
})

test('a server that says goodbye with its hello is one that cannot be reached, and ends nobody', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(helloAndGoodbye))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  for (const hosts of [`127.0.0.1:${port}`, `127.0.0.1:${port},127.0.0.1:${port}`])
    await assert.rejects(
      connect(`postgres://nobody@${hosts}/none`, { patienceMs: 100 }),
      (error) => isCheckreinError(error) && error.code === 'STORE_UNAVAILABLE',
    )
  server.close()
})

/** "All is well", "ready", and "the postmaster is gone", in one packet. */
const helloAndGoodbye = Buffer.concat([
  Buffer.from('R\0\0\0\x08\0\0\0\0', 'latin1'),
  Buffer.from('Z\0\0\0\x05I', 'latin1'),
  Buffer.from('E\0\0\0\x19SFATAL\0C57P01\0MGone\0\0', 'latin1'),
])

suite('connections that are cut at random', () => {
  test('make nobody believe what is not: what was acknowledged is there, what failed is not, or it was said that it may be', async (t) => {
    await using scene = await Scene.make()
    const seed = Number(process.env['LINK_SEED'] ?? Date.now() % 2 ** 31)
    const random = randomFrom(seed)
    const settings = { url: scene.url, count: 4, patienceMs: 100, random }
    await using callers = await Callers.make(settings)
    await underBadWeather(scene.network, callers.call(30), random)
    t.diagnostic(`LINK_SEED=${seed}: ${callers.report()}`)
    assert.deepEqual(await callers.lies(scene.bed.client), [])
    assert.ok(callers.count('done') > 0 && callers.count('failed') > 0)
  })
})

/** Single connections are cut at any moment, and now and then all of them for a while, until all is done. */
async function underBadWeather(
  network: TcpProxy,
  done: Promise<void>,
  random: Random,
): Promise<void> {
  let isOver = false
  const over = done.finally(() => (isOver = true))
  network.watch(({ cut }) => void (random() < 0.02 && cut()))
  while (!isOver) {
    await Promise.race([over, pause(random() * 300)])
    network.cut()
    await Promise.race([over, pause(random() * 300)])
    network.restore()
  }
  network.watch(() => {})
  await over
}

suite('a worker whose connections go silent', { concurrency: true }, () => {
  test('keeps its lease by another one, where others can be made', async () => {
    await using scene = await Scene.make()
    await using fleet = new Fleet()
    const worker = await fleet.start({ ...quick, url: scene.url, lease: 12_000 })
    const { run, attempt } = await begun(scene.bed)
    scene.network.swallowOld()
    await renewals(scene.bed, 2)
    writeFileSync(join(scene.bed.folder, 'go'), '')
    assert.equal(await run.result(), attempt)
    assert.ok(!worker.events.some(({ type }) => type === 'lease-lost'))
  })

  test('has no code running when another one starts the run, and goes on under a new id', async () => {
    await using scene = await Scene.make()
    const { bed, network } = scene
    await using fleet = new Fleet()
    const worker = await fleet.start({ ...quick, url: scene.url })
    const { run, attempt, pid, workerId } = await begun(bed)
    await fleet.start({ ...quick, url: bed.url })
    const lost = worker.next('lease-lost')
    network.swallow()
    await until(run, (now) => now.attempt > attempt)
    assert.ok(isDead(pid), 'the code of the attempt before is gone')
    await lost
    network.restore()
    writeFileSync(join(bed.folder, 'go'), '')
    assert.ok((await run.result()) > attempt)
    assert.deepEqual(tasks.violationsIn(bed.folder), [])
    const ids = async (): Promise<string[]> => (await bed.client.workers()).map(({ id }) => id)
    await eventually(async () => (await ids()).length === 2, 'the worker has a lease again')
    assert.ok(!(await ids()).includes(workerId))
  })
})

suite('a claim whose connection is lost', () => {
  /**
   * Does something to the connection on which a worker claims the run, when the claim or its answer is on its way. The claim is known
   * by words of `claimAlone` (`src/store/postgres/sql/claim.ts`).
   * @returns a promise that fulfils when it was done.
   */
  function atTheClaim(
    network: TcpProxy,
    { when, harm }: { when: Passing['direction']; harm: (passing: Passing) => void },
  ): Promise<void> {
    const done = Promise.withResolvers<void>()
    let isDone = false
    network.watch((passing) => {
      const words = { up: ['{"workerId":'], down: ['is_guarded', 'exclusive'] }[when]
      const isClaim = words.every((word) => passing.bytes.includes(word))
      if (isDone || !isClaim || passing.direction !== when) return
      isDone = true
      harm(passing)
      done.resolve()
    })
    return done.promise
  }

  test('for good, leaves no run with a worker that does not know of it', async () => {
    await using scene = await Scene.make()
    const { bed, network } = scene
    await using fleet = new Fleet()
    const worker = await fleet.start({ ...quick, url: scene.url, lease: 300_000, patienceMs: 300 })
    const harmed = atTheClaim(network, { when: 'down', harm: () => network.cut() })
    const run = await bed.client.enqueue(tasks.exclusive, { folder: bed.folder, ms: 1 })
    await harmed
    await until(run, ({ state }) => state === 'running')
    await worker.next('store-error')
    network.restore()
    await run.result({ timeout: 60_000 })
  })

  test('in silence, leaves none either', async () => {
    await using scene = await Scene.make()
    const { bed, network } = scene
    await using fleet = new Fleet()
    await fleet.start({ ...quick, url: scene.url, lease: 300_000 })
    const harmed = atTheClaim(network, { when: 'down', harm: ({ swallow }) => swallow() })
    const run = await bed.client.enqueue(tasks.exclusive, { folder: bed.folder, ms: 1 })
    await harmed
    await run.result({ timeout: 60_000 })
  })

  test('and which is done long after it was given up, takes nothing from others', async () => {
    await using scene = await Scene.make()
    const { bed, network } = scene
    const isSwallowed = atTheClaim(network, { when: 'up', harm: ({ swallow }) => swallow() })
    await using fleet = new Fleet()
    await fleet.start({ ...quick, url: scene.url, lease: 30_000 })
    await isSwallowed
    const both = [await begun(bed), await begun(bed)]
    const run = await bed.client.enqueue(tasks.exclusive, { folder: bed.folder, ms: 1 })
    network.restore()
    const seen: [type: string, workerId: unknown][] = []
    const abortSignal = AbortSignal.timeout(120_000)
    for await (const { type, data } of run.events({ abortSignal })) {
      seen.push([type, data['workerId']])
      if (type === 'release') break
    }
    // Its worker has no slot for it, and does not know of it.
    const takenBy = both[0]?.workerId
    assert.deepEqual(seen, [
      ['enqueue', undefined],
      ['claim', takenBy],
      ['release', undefined],
    ])
    writeFileSync(join(bed.folder, 'go'), '')
    await Promise.all([run, ...both.map((one) => one.run)].map((one) => one.result()))
  })
})

/** A run that is held where it has begun, until there is a file `go`. */
interface Begun {
  readonly run: RunHandle<number>
  readonly attempt: number
  readonly pid: number
  readonly workerId: string
}

async function begun(bed: Bed): Promise<Begun> {
  const run = await bed.client.enqueue(tasks.blockAlone, { folder: bed.folder })
  const { progress, workerId } = await until(run, ({ progress }) => progress !== undefined)
  const [attempt, pid] = progress as [number, number]
  return { run, attempt, pid, workerId: workerId ?? '' }
}

/** Fulfils when the lease of the one worker has been renewed so often. */
async function renewals(bed: Bed, count: number): Promise<void> {
  const endsAt = async (): Promise<number> =>
    performance.now() + ((await bed.client.workers())[0]?.leaseLeftMs ?? 0)
  for (let n = 0; n < count; n++) {
    const before = await endsAt()
    await eventually(async () => (await endsAt()) > before + 500, 'the lease is renewed')
  }
}

suite('what is asked of a run while its worker cannot hear notices', { concurrency: true }, () => {
  const kept = { ...quick, lease: 30_000 } as const
  const seldom = { ...kept, poll: 600_000, answerMs: 500 } as const

  test('for the connection that listens is cut, is looked up', async () => {
    await using scene = await Scene.make()
    const { bed, network } = scene
    await using fleet = new Fleet()
    await fleet.start({ ...seldom, url: bed.url, listenUrl: scene.url })
    for (const harm of [() => network.cut(), () => network.restore()]) {
      const { run } = await begun(bed)
      harm()
      assert.equal((await run.cancel({ grace: 0 })).confirmed, true)
    }
  })

  test('for the connection that listens went silent, is looked up when that was noticed', async () => {
    await using scene = await Scene.make()
    const { bed, network } = scene
    await using fleet = new Fleet()
    await fleet.start({ ...seldom, url: bed.url, listenUrl: scene.url })
    const { run } = await begun(bed)
    network.swallow()
    assert.equal((await run.cancel({ grace: 0 })).confirmed, true)
  })

  test('for the notice was lost, is found by the poll', async () => {
    await using scene = await Scene.make()
    const { bed, network } = scene
    await using fleet = new Fleet()
    await fleet.start({ ...kept, url: bed.url, listenUrl: scene.url, answerMs: 60_000 })
    const { run } = await begun(bed)
    network.swallow()
    assert.equal((await run.cancel({ grace: 0 })).confirmed, true)
  })
})

test('a renewal of a lease that comes late does not shorten it', async () => {
  await using scene = await Scene.make()
  const { bed, network } = scene
  let now = 1_750_000_000_000
  const leaseMs = 60_000
  await using store = await openStore(scene.url, { now: () => now, answerMs: 300 })
  await store.registerWorker({ ...plainWorker, id: 'w1', leaseMs })
  const sent = Promise.withResolvers<number>()
  const late = Promise.withResolvers<void>()
  let link: number | null = null
  network.watch((passing) => {
    if (passing.direction === 'down' && passing.link === link) late.resolve()
    if (link !== null || !passing.bytes.includes('SET lease_until')) return
    link = passing.link
    passing.swallow()
    sent.resolve(link)
  })
  assert.equal(await store.renewLease('w1'), true)
  await sent.promise
  now += 10_000
  assert.equal(await store.renewLease('w1'), true)
  network.restore()
  await late.promise
  const left = await ask(bed.url, `SELECT lease_until::text answer FROM ${schemaOf(bed)}.workers`)
  assert.equal(Number(left), now + leaseMs)
})

const schemaOf = (bed: Bed): string => new URL(bed.url).searchParams.get('schema') ?? ''
