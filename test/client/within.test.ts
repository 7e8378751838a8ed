/** Enqueues and verbs as part of a transaction of the caller's: done if they commit, and never where they do not. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { suite, test } from 'node:test'
import { Client as PgClient, Pool } from 'pg'
import { type CheckreinError, workerChannel, type WorkerEvent } from '../../src/index.ts'
import { Bed, begun, eventually, type StoreKind } from '../support/bed.ts'
import { ask, freshSchema, runSql } from '../support/database.ts'
import * as tasks from '../worker/tasks.ts'

const verbs = ['revoke', 'abort', 'cancel', 'terminate'] as const
const modules = [new URL('../worker/tasks.ts', import.meta.url)]

/** A connection of the caller's, with a table of theirs. */
interface Theirs extends AsyncDisposable {
  /** What they hand to `within`. */
  readonly transaction: unknown
  run(sql: string): Promise<void>
  /** How many rows their table has. */
  count(): Promise<number>
}

function ofSqlite(url: string): Theirs {
  const db = new DatabaseSync(url.replace('sqlite:', ''))
  return {
    transaction: db,
    async run(sql) {
      db.exec(sql)
    },
    async count() {
      return Number(db.prepare('SELECT count(*) AS count FROM orders').get()?.['count'])
    },
    async [Symbol.asyncDispose]() {
      db.close()
    },
  }
}

async function ofPostgres(url: string, options: object): Promise<Theirs> {
  const schema = new URL(url).searchParams.get('schema')
  const client = new PgClient({ connectionString: url, ...options })
  await client.connect()
  await client.query(`SET search_path TO ${schema}`)
  return {
    transaction: client,
    async run(sql) {
      await client.query(sql)
    },
    async count() {
      const { rows } = await client.query('SELECT count(*)::int AS count FROM orders')
      return (rows[0] as { count: number }).count
    },
    async [Symbol.asyncDispose]() {
      await client.end()
    },
  }
}

const kinds: Readonly<Record<string, { kind: StoreKind; options: object }>> = {
  'a DatabaseSync': { kind: 'sqlite', options: {} },
  'a pg client': { kind: 'postgres', options: {} },
  'a pg client that pipelines': { kind: 'postgres', options: { pipeline: true } },
}

interface Set {
  readonly bed: Bed
  readonly theirs: Theirs
}

for (const [name, { kind, options }] of Object.entries(kinds)) {
  const begin = kind === 'sqlite' ? 'BEGIN IMMEDIATE' : 'BEGIN'

  /** A store, and a connection beside it on which they have begun. */
  async function withBoth(work: (set: Set) => Promise<void>, bedOptions = {}): Promise<void> {
    await using bed = await Bed.make({ on: kind, ...bedOptions })
    await using theirs = kind === 'sqlite' ? ofSqlite(bed.url) : await ofPostgres(bed.url, options)
    await theirs.run('CREATE TABLE orders (name text)')
    await theirs.run(begin)
    await theirs.run("INSERT INTO orders VALUES ('theirs')")
    await work({ bed, theirs })
  }

  suite(`within the transaction of ${name}`, () => {
    test('what is enqueued is there when they commit, and not before', async () => {
      await withBoth(async ({ bed: { client }, theirs }) => {
        const within = client.within(theirs.transaction)
        const options = { key: 'k', tags: ['a'], delay: '1h' } as const
        const { id, outcome } = await within.enqueue(tasks.add, { a: 1, b: 2 }, options)
        const plain = await within.enqueueMany(tasks.add, [
          { input: { a: 1, b: 2 } },
          { input: { a: 2, b: 2 } },
        ])
        assert.equal(outcome, 'enqueued')
        assert.equal(await client.get(id), null)
        await theirs.run('COMMIT')
        const { state, key, tags } = await client.run(id).get()
        assert.deepEqual({ state, key, tags }, { state: 'scheduled', key: 'k', tags: ['a'] })
        assert.equal((await client.counts()).queued, plain.length)
        assert.equal(await theirs.count(), 1)
      })
    })

    test('what is enqueued never was when they roll back', async () => {
      await withBoth(async ({ bed: { client }, theirs }) => {
        const within = client.within(theirs.transaction)
        await within.enqueue(tasks.add, { a: 1, b: 2 }, { id: 'one', key: 'k' })
        await theirs.run('ROLLBACK')
        assert.equal(await client.get('one'), null)
        const again = await client.enqueue(tasks.add, { a: 1, b: 2 }, { id: 'one', key: 'k' })
        assert.equal((await again.get()).state, 'queued')
        assert.equal(await theirs.count(), 0)
      })
    })

    for (const end of ['COMMIT', 'ROLLBACK']) {
      const isDone = end === 'COMMIT'
      test(`every verb ${isDone ? 'ends' : 'leaves'} a run that has not started, with ${end}`, async () => {
        await withBoth(async ({ bed: { client }, theirs }) => {
          await theirs.run('ROLLBACK')
          for (const id of [...verbs, 'key', 'tagged', 'one', 'two'])
            await client.enqueue(tasks.add, { a: 1, b: 2 }, { id, key: id, tags: [id] })
          await theirs.run(begin)
          const within = client.within(theirs.transaction)
          for (const verb of verbs) {
            const [answer] = await within[verb](verb, { reason: 'why', by: 'ada' })
            assert.equal(answer?.answer, 'prevented')
          }
          await within.cancel({ task: 'add', key: 'key' })
          await within.revoke({ filter: { tag: 'tagged' } })
          assert.equal((await within.abort(['one', 'two'])).length, 2)
          assert.equal((await client.counts()).cancelled, 0, 'not before the end')
          await theirs.run(end)
          const { cancelled, queued } = await client.counts()
          assert.deepEqual([cancelled, queued], isDone ? [8, 0] : [0, 8])
          const stop = (await client.run('cancel').get()).stop
          assert.deepEqual(
            [stop?.reason, stop?.by],
            isDone ? ['why', 'ada'] : [undefined, undefined],
          )
        })
      })

      test(`a pause, a resume and a signal ${isDone ? 'take effect' : 'have never been'} with ${end}`, async () => {
        await withBoth(async ({ bed: { client }, theirs }) => {
          await theirs.run('ROLLBACK')
          for (const id of ['one', 'two']) await client.enqueue(tasks.add, { a: 1, b: 2 }, { id })
          await client.pause('two')
          await theirs.run(begin)
          const within = client.within(theirs.transaction)
          const [paused] = await within.pause('one', { for: '1h', by: 'ada' })
          const [resumed] = await within.resume('two')
          const [sent] = await within.signal(['one'], 'word', 'go', { by: 'ada' })
          assert.deepEqual(
            [paused?.answer, resumed?.answer, sent?.answer],
            ['paused', 'resumed', 'sent'],
          )
          assert.equal((await client.counts()).paused, 1, 'not before the end')
          await theirs.run(end)
          const states = await Promise.all(['one', 'two'].map((id) => client.run(id).get()))
          assert.deepEqual(
            states.map(({ state }) => state),
            isDone ? ['paused', 'queued'] : ['queued', 'paused'],
          )
          const { entries } = await client.audit({ callId: sent?.callId ?? '' })
          assert.deepEqual(
            entries.map(({ payload }) => payload),
            isDone ? ['go'] : [],
          )
        })
      })

      test(`a verb on what does not exist ${isDone ? 'waits for it' : 'is forgotten'} after ${end}`, async () => {
        await withBoth(async ({ bed: { client }, theirs }) => {
          const within = client.within(theirs.transaction)
          const [byId] = await within.cancel('later')
          const [byKey] = await within.revoke({ task: 'add', key: 'later' })
          for (const one of [byId, byKey]) {
            assert.equal(one?.answer, 'not-found')
            assert.ok((one?.tombstoneUntil ?? 0) > Date.now())
          }
          assert.deepEqual(await client.tombstones(), [])
          await theirs.run(end)
          assert.equal((await client.tombstones()).length, isDone ? 2 : 0)
          const run = await client.enqueue(tasks.add, { a: 1, b: 2 }, { id: 'later' })
          const other = await client.enqueue(tasks.add, { a: 1, b: 2 }, { key: 'later' })
          for (const one of [run, other])
            assert.equal((await one.get()).state, isDone ? 'cancelled' : 'queued')
        })
      })
    }

    test('several calls are one with the rest of it, also when nobody waits between them', async () => {
      await withBoth(async ({ bed: { client }, theirs }) => {
        const { enqueue, cancel } = bound(client.within(theirs.transaction))
        const one = await enqueue('one', {})
        const [two, cancelled] = await Promise.all([enqueue('two', { key: 'k' }), cancel('one')])
        const three = await enqueue('three', { key: 'k', onConflict: 'replace' })
        const twice = await enqueue('two', {})
        assert.deepEqual(
          [one.outcome, two.outcome, twice.outcome],
          ['enqueued', 'enqueued', 'exists'],
        )
        assert.equal(cancelled[0]?.answer, 'prevented')
        assert.equal(three.replacedId, 'two')
        await theirs.run('COMMIT')
        const states = await Promise.all(['one', 'two', 'three'].map((id) => client.run(id).get()))
        assert.deepEqual(
          states.map(({ state }) => state),
          ['cancelled', 'cancelled', 'queued'],
        )
      })
    })

    for (const end of ['COMMIT', 'ROLLBACK'] as const)
      test(`a workflow takes the key of another where they ${end}, and only there`, async () => {
        await withBoth(async ({ bed: { client }, theirs }) => {
          await theirs.run('ROLLBACK')
          const graph = { version: 1, nodes: [{ node: 1, step: { task: 'add' } }] } as const
          const old = await client.startWorkflow(graph, { key: 'k' })
          await theirs.run(begin)
          const taking = { id: 'new', key: 'k', onConflict: 'cancel-and-replace' } as const
          const taken = await client.within(theirs.transaction).startWorkflow(graph, taking)
          assert.deepEqual(taken, { id: 'new', outcome: 'enqueued', replacedId: old.id })
          await theirs.run(end)
          const isDone = end === 'COMMIT'
          assert.equal((await old.get()).stop?.reason, isDone ? 'replaced by new' : undefined)
          assert.equal((await client.getWorkflow('new'))?.waitsFor, isDone ? old.id : undefined)
        })
      })

    test('an error of ours leaves it as it was before the call, and good for more', async () => {
      await withBoth(async ({ bed: { client }, theirs }) => {
        await theirs.run('ROLLBACK')
        await client.enqueueByName('other', null, { id: 'taken' })
        await theirs.run(begin)
        await theirs.run("INSERT INTO orders VALUES ('theirs')")
        const within = client.within(theirs.transaction)
        await within.enqueue(tasks.add, { a: 1, b: 2 }, { id: 'before' })
        const runs = ['new', 'taken'].map((id) => ({ id, tags: ['t'], input: { a: 1, b: 2 } }))
        await assert.rejects(within.enqueueMany(tasks.add, runs), { code: 'RUN_ID_TAKEN' })
        await assert.rejects(within.enqueue(tasks.add, { a: 1, b: 2 }, { delay: '1x' as '1h' }), {
          code: 'USAGE',
        })
        await within.enqueue(tasks.add, { a: 1, b: 2 }, { id: 'after' })
        await theirs.run('COMMIT')
        const found = await Promise.all(['before', 'new', 'after'].map((id) => client.get(id)))
        assert.deepEqual(
          found.map((run) => run?.state),
          ['queued', undefined, 'queued'],
        )
        assert.equal(await theirs.count(), 1)
      })
    })

    test('a worker hears of it by the commit, long before it would look by itself', async () => {
      const worker = { modules, poll: '1h' } as const
      await withBoth(
        async ({ bed: { client }, theirs }) => {
          const within = client.within(theirs.transaction)
          const { id } = await within.enqueue(tasks.add, { a: 20, b: 22 })
          const waiting = await within.enqueue(tasks.polite)
          await theirs.run('COMMIT')
          assert.equal(await client.run(id).result({ timeout: '60s' }), 42)
          const held = client.run(waiting.id)
          await begun(held)
          await theirs.run(begin)
          const [asked] = await within.cancel(waiting.id, { grace: '60s', reason: 'enough' })
          assert.equal(asked?.answer, 'requested')
          assert.equal((await held.get()).status, 'running', 'nobody has heard of it')
          await theirs.run('COMMIT')
          await eventually(async () => (await held.get()).state === 'cancelled', 'the stop')
          assert.equal((await held.get()).stop?.mode, 'cooperative')
        },
        { worker },
      )
    })

    test('what is no transaction is refused, and nothing is done', async () => {
      await withBoth(async ({ bed: { client }, theirs }) => {
        const refuses = async (transaction: unknown, says: RegExp): Promise<void> => {
          const enqueued = client.within(transaction).enqueue(tasks.add, { a: 1, b: 2 })
          await assert.rejects(enqueued, (error: CheckreinError) => {
            assert.equal(error.code, 'USAGE', error.message)
            assert.match(error.message, says)
            assert.notEqual(error.hint, undefined)
            return true
          })
        }
        for (const nothing of [null, undefined, 'BEGIN', {}, client])
          await refuses(nothing, /not a transaction/)
        await theirs.run('COMMIT')
        await refuses(theirs.transaction, /No transaction has begun/)
        assert.equal((await client.counts()).queued, 0)
      })
    })
  })
}

/** Short words for what the test asks. */
function bound(within: ReturnType<Bed['client']['within']>) {
  return {
    enqueue: (id: string, options: object) =>
      within.enqueue(tasks.add, { a: 1, b: 2 }, { id, ...options }),
    cancel: (id: string) => within.cancel(id),
  }
}

suite('within a transaction on PostgreSQL', () => {
  test('a pool is refused, also where nobody can tell that it is one', async () => {
    await using bed = await Bed.make({ on: 'postgres' })
    const pool = new Pool({ connectionString: bed.url })
    const disguised = { query: (text: string, values: unknown[]) => pool.query(text, values) }
    for (const [transaction, says] of [
      [pool, /That is a pool/],
      [disguised, /No transaction has begun/],
    ] as const) {
      const enqueued = bed.client.within(transaction).enqueue(tasks.add, { a: 1, b: 2 })
      await assert.rejects(enqueued, { code: 'USAGE', message: says })
    }
    assert.equal((await bed.client.counts()).queued, 0)
    await pool.end()
  })

  test('one that has failed, or is in another database, is refused with the reason', async () => {
    await using bed = await Bed.make({ on: 'postgres' })
    await using theirs = await ofPostgres(bed.url, {})
    await theirs.run('BEGIN')
    await assert.rejects(theirs.run('SELECT 1/0'))
    const within = bed.client.within(theirs.transaction)
    await assert.rejects(within.cancel('x'), { code: 'USAGE', message: /has failed before/ })
    await theirs.run('ROLLBACK')
    const name = freshSchema('other')
    await runSql(bed.url, `CREATE DATABASE ${name}`)
    const url = new URL(bed.url)
    url.pathname = `/${name}`
    await using elsewhere = await ofPostgres(url.href, {})
    await elsewhere.run('BEGIN')
    const enqueued = bed.client.within(elsewhere.transaction).enqueue(tasks.add, { a: 1, b: 2 })
    await assert.rejects(enqueued, {
      code: 'USAGE',
      message: /not where that client is connected to/,
    })
    await elsewhere[Symbol.asyncDispose]()
    await runSql(bed.url, `DROP DATABASE ${name}`)
  })

  test('a key that another transaction takes at the same time is found taken', async () => {
    await using bed = await Bed.make({ on: 'postgres' })
    await using one = await ofPostgres(bed.url, {})
    await using two = await ofPostgres(bed.url, {})
    for (const theirs of [one, two]) await theirs.run('BEGIN')
    const input = { a: 1, b: 2 }
    const first = await bed.client.within(one.transaction).enqueue(tasks.add, input, { key: 'k' })
    const second = bed.client.within(two.transaction).enqueue(tasks.add, input, { key: 'k' })
    const { processID } = two.transaction as { processID: number }
    const isWaiting = `SELECT count(*)::int AS answer FROM pg_stat_activity WHERE pid = ${processID} AND wait_event_type = 'Lock'`
    await eventually(async () => (await ask(bed.url, isWaiting)) === 1, 'a wait for the other')
    await one.run('COMMIT')
    assert.deepEqual(await second, { id: first.id, outcome: 'exists', replacedId: null })
    await two.run('COMMIT')
  })

  test('one that sees only what was there when it began is told to begin again', async () => {
    await using bed = await Bed.make({ on: 'postgres' })
    await using theirs = await ofPostgres(bed.url, {})
    await theirs.run('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await theirs.run('SELECT 1')
    await bed.client.enqueue(tasks.add, { a: 1, b: 2 }, { key: 'k' })
    const enqueued = bed.client
      .within(theirs.transaction)
      .enqueue(tasks.add, { a: 1, b: 2 }, { key: 'k' })
    await assert.rejects(
      enqueued,
      (error: CheckreinError) => error.code === 'STORE_BUSY' && error.isRetryable,
    )
    await theirs.run('ROLLBACK')
  })
})

suite('a worker whose report a transaction of somebody’s holds up', () => {
  test('keeps its lease, and reports when that is over', async () => {
    const events: string[] = []
    const onEvent = (message: unknown): void => {
      const event = message as WorkerEvent
      events.push(event.type === 'store-error' ? event.error.code : event.type)
    }
    subscribe(workerChannel, onEvent)
    await using bed = await Bed.make({ on: 'postgres', worker: { modules } })
    await using theirs = await ofPostgres(bed.url, {})
    const go = join(bed.folder, 'go')
    const run = await bed.client.enqueue(tasks.waitsForFile, { file: go, ledger: `${go}.txt` })
    for await (const { type } of run.events()) if (type === 'claim') break
    await theirs.run('BEGIN')
    await bed.client.within(theirs.transaction).cancel(run.id, { grace: '1h' })
    writeFileSync(go, '')
    await eventually(() => events.includes('STORE_BUSY'), 'a report that waits in vain')
    await theirs.run('ROLLBACK')
    await run.result()
    unsubscribe(workerChannel, onEvent)
    assert.ok(!events.includes('lease-lost') && !events.includes('INTERNAL'), events.join())
  })
})

suite('within a transaction on SQLite', () => {
  test('a connection to another file is refused', async () => {
    await using bed = await Bed.make({ on: 'sqlite' })
    for (const name of [':memory:', `${bed.folder}/other.db`]) {
      const db = new DatabaseSync(name)
      db.exec('BEGIN')
      const enqueued = bed.client.within(db).enqueue(tasks.add, { a: 1, b: 2 })
      await assert.rejects(enqueued, { code: 'USAGE', message: /and the store is/ })
      db.close()
    }
  })
})
