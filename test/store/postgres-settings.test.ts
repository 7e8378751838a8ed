/**
 * Whatever a role, a database or a connection sets for its sessions, all that is asked of a store on PostgreSQL answers the same:
 * on connections of ours, on those of a caller's pool, and in a transaction of the caller's.
 */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { Client as PgClient, Pool } from 'pg'
import { chord, type Client, connect, previous, startWorker, step } from '../../src/index.ts'
import { begun } from '../support/bed.ts'
import { dropSchema, freshSchema, runSql, testDatabase } from '../support/database.ts'
import { findPgBouncer, PgBouncer } from '../support/pgbouncer.ts'
import * as tasks from './settings-tasks.ts'

const modules = [new URL('./settings-tasks.ts', import.meta.url)]
const patience = { timeout: '60s' } as const
/** Backslashes, quotes, what looks like an escape, and the word that a null is taken for. */
const names = ['a\\b "c"', "d\\u0041'", 'NULL', 'plain ü'] as const

type Settings = Readonly<Record<string, string>>

/** The settings that change what SQL means, how values are read and written, or how transactions go. */
const odd: Settings = {
  array_nulls: 'off',
  standard_conforming_strings: 'off',
  backslash_quote: 'off',
  escape_string_warning: 'on',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  exit_on_error: 'on',
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  TimeZone: 'Asia/Kathmandu',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  client_encoding: 'LATIN1',
  search_path: 'pg_temp, public',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  row_security: 'off',
  session_replication_role: 'replica',
  check_function_bodies: 'off',
  xmloption: 'document',
  gin_fuzzy_search_limit: '1',
  constraint_exclusion: 'on',
  client_min_messages: 'error',
  plan_cache_mode: 'force_custom_plan',
  synchronous_commit: 'off',
  statement_timeout: '60s',
  lock_timeout: '30s',
  idle_in_transaction_session_timeout: '30s',
  from_collapse_limit: '1',
  join_collapse_limit: '1',
  work_mem: '64kB',
}
/** Settings that refuse what is asked, that are about one transaction, or that fill the log of the server. */
const refusing = /^(default_transaction_read_only$|transaction_|log_|debug_|trace_)|_stats$/

/** The texts of the inputs of a filter's runs, oldest first. */
async function found(client: Client, filter: Parameters<Client['list']>[0]): Promise<unknown> {
  const { runs } = await client.list(filter, { payloads: true, order: 'oldest' })
  return [runs.map(({ input }) => input), await client.counts(filter)]
}

/** Finds, pauses, holds, tells, stops and completes runs in a queue of their own, and a workflow; answers what the store said. */
async function round(client: Client, queue: string): Promise<unknown> {
  await using _worker = await startWorker(client, { modules, queues: [queue], spares: 0 })
  const { told, same, total } = tasks
  const orders = names.map((name, no) => ({ order: { name, no } }))
  const runs = await Promise.all(
    orders.map((input) => client.enqueue(told, input, { queue, tags: [queue, input.order.name] })),
  )
  for (const run of runs) await begun(run)
  const lists = []
  for (const name of names) {
    const input = { 'order.name': name }
    lists.push(await found(client, { queue, input }), await found(client, { queue, tag: name }))
  }
  const [first] = runs
  const parked = await first?.pause({ reason: 'for a while' })
  const one = { queue, input: { 'order.name': names[0] } }
  await client.hold({ verb: 'pause', filter: one })
  const later = await client.enqueue(
    told,
    { order: { name: names[0], no: 0 } },
    { queue, key: queue, delay: '1h' },
  )
  const held = (await later.get()).state
  await client.lift({ verb: 'pause', filter: one })
  await first?.resume()
  const ends = []
  for (const run of runs) {
    const reply = await (await run.signal('add', 0.1)).reply(patience)
    await run.signal('finish')
    ends.push([reply, await run.result(patience)])
  }
  const stop = await later.cancel({ reason: 'no more' })
  const part = (n: number) => step(same, n, { queue })
  const flow = await client.startWorkflow(
    chord([part(1), part(2)], step(total, previous, { queue })),
  )
  const sum = await flow.result(patience)
  const counts = await client.counts({ queue })
  await client.prune({ completed: '1h' })
  const wrong = (await client.findings()).filter(({ level }) => level === 'error')
  return { lists, parked: parked?.state, held, ends, stop: stop.state, sum, counts, wrong }
}

const allSettings = `SELECT name, setting FROM pg_settings WHERE name NOT LIKE 'transaction%' ORDER BY name`

/** Enqueues within a transaction that is committed, whose settings stay the caller's. */
async function within(client: Client, theirs: PgClient, queue: string): Promise<unknown> {
  const input = { order: { name: names[0], no: 1 } }
  await theirs.query('BEGIN')
  const before = (await theirs.query(allSettings)).rows
  const { id } = await client.within(theirs).enqueue(tasks.told, input, { queue, tags: [queue] })
  const controlled = await client.within(theirs).pause(id, { reason: 'not yet' })
  assert.deepEqual((await theirs.query(allSettings)).rows, before)
  await theirs.query('COMMIT')
  const { key, workflow, runAt, paused, state } = await client.run(id).get()
  const filter = { queue, input: { 'order.name': names[0] } }
  const answer = controlled.map(({ answer }) => answer)
  return {
    key,
    workflow,
    runAt,
    paused: paused?.reason,
    state,
    answer,
    list: await found(client, filter),
  }
}

suite('on PostgreSQL, settings of sessions change no answer', () => {
  const schema = freshSchema('settings')
  const role = `${schema}_role`
  let url: string
  let theirs: string
  let expected: { readonly round: unknown; readonly within: unknown }
  let count = 0

  const queueOf = (answer: unknown, queue: string): unknown =>
    JSON.parse(JSON.stringify(answer).replaceAll(queue, 'queue'))

  /** Connects as the role, in one of the ways, and asks. */
  async function answers(way: string, given: Settings = {}): Promise<unknown> {
    const queue = `q${++count}`
    await using stack = new AsyncDisposableStack()
    if (way === 'in a transaction of the caller') {
      const client = stack.use(await connect(url, { schema }))
      const own = new PgClient(theirs)
      await own.connect()
      stack.defer(() => own.end())
      return queueOf(await within(client, own, queue), queue)
    }
    const words = Object.entries(given).map(
      ([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`,
    )
    const pool = new Pool({ connectionString: theirs, max: 6, options: words.join(' ') })
    stack.defer(() => pool.end())
    if (way === 'through PgBouncer') {
      const pooler = stack.use(await PgBouncer.make(theirs))
      const client = stack.use(await connect(pooler.url, { schema, lookMs: 20 }))
      return queueOf(await round(client, queue), queue)
    }
    const place = new URL(theirs)
    if (words.length > 0) place.searchParams.set('options', words.join(' '))
    const client = stack.use(await connect(way === 'on a pool' ? pool : place.href, { schema }))
    return queueOf(await round(client, queue), queue)
  }

  async function set(settings: Settings): Promise<void> {
    await runSql(url, `ALTER ROLE ${role} RESET ALL`)
    for (const [name, value] of Object.entries(settings)) {
      const text = name === 'search_path' ? value : `'${value}'`
      await runSql(url, `ALTER ROLE ${role} SET ${name} = ${text}`)
    }
  }

  before(async () => {
    url = await testDatabase()
    await runSql(url, `CREATE ROLE ${role} LOGIN SUPERUSER`)
    const own = new URL(url)
    own.username = role
    theirs = own.href
    await using _client = await connect(url, { schema })
    expected = {
      round: await answers('on connections of ours'),
      within: await answers('in a transaction of the caller'),
    }
  })

  after(async () => {
    await dropSchema(url, schema)
    await runSql(url, `DROP ROLE ${role}`)
  })

  for (const way of [
    'on connections of ours',
    'on a pool',
    'in a transaction of the caller',
  ] as const) {
    const wanted = (): unknown =>
      way === 'in a transaction of the caller' ? expected.within : expected.round

    test(`${way}, whatever the role sets`, async () => {
      await set(odd)
      assert.deepEqual(await answers(way), wanted())
    })

    test(`${way}, where nulls in lists are words`, async () => {
      await set({ array_nulls: 'off' })
      assert.deepEqual(await answers(way), wanted())
    })
  }

  const skip =
    findPgBouncer() === null ? 'PgBouncer is not installed: apt-get install pgbouncer' : false
  test('through PgBouncer, whatever the role sets', { skip }, async () => {
    await set(odd)
    assert.deepEqual(await answers('through PgBouncer'), expected.round)
  })

  for (const way of ['on connections of ours', 'on a pool'] as const)
    test(`${way}, whatever the connection itself sets`, async () => {
      await set({})
      assert.deepEqual(await answers(way, odd), expected.round)
    })

  test('on a pool, where every switch of the server that a session may turn is turned', async () => {
    const client = new PgClient(url)
    await client.connect()
    const { rows } = await client.query<{ name: string; value: string }>(
      `SELECT name, CASE WHEN vartype = 'bool' THEN CASE setting WHEN 'on' THEN 'off' ELSE 'on' END ELSE enumvals[array_length(enumvals, 1)] END AS value
      FROM pg_settings WHERE context IN ('user', 'superuser') AND vartype IN ('bool', 'enum')`,
    )
    await client.end()
    const switches = rows.filter(({ name }) => !refusing.test(name))
    assert.ok(switches.length > 60, `${switches.length} switches`)
    await set({
      ...Object.fromEntries(switches.map(({ name, value }) => [name, value])),
      client_min_messages: 'error',
    })
    assert.deepEqual(await answers('on a pool'), expected.round)
  })

  test('a role whose transactions are read-only is told so', async () => {
    await set({ default_transaction_read_only: 'on' })
    await using client = await connect(theirs, { schema, patienceMs: 100 })
    const refused = client.enqueue(tasks.same, 1)
    await assert.rejects(refused, {
      code: 'STORE_UNAVAILABLE',
      hint: /default_transaction_read_only/,
    })
  })
})
