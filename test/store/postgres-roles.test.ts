/** The roles of docs/postgres.md, as they stand there: each may do what it is for, and nothing else. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, suite, test } from 'node:test'
import { Client as PgClient } from 'pg'
import { type Client, connect, migrate, startWorker } from '../../src/index.ts'
import { begun, eventually } from '../support/bed.ts'
import { dropSchema, freshSchema, runSql, testDatabase } from '../support/database.ts'
import * as tasks from '../worker/tasks.ts'

const document = readFileSync(new URL('../../docs/postgres.md', import.meta.url), 'utf8')
const modules = [new URL('../worker/tasks.ts', import.meta.url)]
const forbidden = { code: 'STORE_FORBIDDEN' }
const input = { a: 1, b: 2 }
const patience = { timeout: '60s' } as const

suite('the roles of docs/postgres.md', () => {
  const schema = freshSchema('roles')
  const roles = ['producer', 'operator', 'worker'] as const
  let url = ''
  let owner: Client

  const userOf = (role: string): string => `${schema}_${role}`
  /** A client of a user that has one role. */
  const as = (role: (typeof roles)[number]): Promise<Client> => {
    const own = new URL(url)
    own.username = userOf(role)
    return connect(own.href, { schema })
  }

  before(async () => {
    url = await testDatabase()
    owner = await connect(url, { schema })
    const sql = /```sql\n([^]*?)```/.exec(document)?.[1] ?? ''
    assert.match(sql, /CREATE ROLE checkrein_worker/)
    const own = sql
      .replaceAll(/\bcheckrein_(\w+)/g, `${schema}_$1_role`)
      .replaceAll(/\bcheckrein\b/g, schema)
    await runSql(url, own)
    for (const role of roles)
      await runSql(url, `CREATE ROLE ${userOf(role)} LOGIN IN ROLE ${schema}_${role}_role`)
  })

  after(async () => {
    await owner[Symbol.asyncDispose]()
    await dropSchema(url, schema)
    for (const role of roles) await runSql(url, `DROP ROLE ${userOf(role)}, ${schema}_${role}_role`)
  })

  const missing = async (client: Client): Promise<string | undefined> =>
    (await client.findings()).find(({ name }) => name === 'rights')?.message

  test('a producer enqueues, waits for results, and ends nothing', async () => {
    await using client = await as('producer')
    await using worker = await startWorker(owner, { modules, queues: ['taken'] })
    const taken = { queue: 'taken' }
    assert.equal(await (await client.enqueue(tasks.add, input, taken)).result(patience), 3)
    const options = {
      id: 'one',
      key: 'k',
      tags: ['t'],
      delay: '1h',
      ttl: '2h',
      priority: 1,
    } as const
    await client.enqueue(tasks.add, input, options)
    await client.enqueue(tasks.add, input, { id: 'one' })
    await client.enqueue(tasks.add, input, { key: 'k' })
    await owner.cancel(['early'])
    const early = await client.enqueue(tasks.add, input, { id: 'early' })
    assert.equal((await early.get()).state, 'cancelled')
    const own = new URL(url)
    own.username = userOf('producer')
    const theirs = new PgClient(own.href)
    await theirs.connect()
    await theirs.query('BEGIN')
    await client.within(theirs).enqueue(tasks.add, input, { id: 'within', tags: ['t'] })
    await theirs.query('COMMIT')
    const sql = [
      `UPDATE ${schema}.runs SET state = 'queued'`,
      `DELETE FROM ${schema}.runs`,
      `DROP TABLE ${schema}.tags`,
      `UPDATE ${schema}.migrations SET version = 9`,
    ]
    for (const text of sql) await assert.rejects(theirs.query(text), { code: '42501' })
    await theirs.end()
    assert.equal((await client.get('within'))?.state, 'queued')
    for (const verb of ['revoke', 'abort', 'cancel', 'terminate'] as const) {
      await assert.rejects(client[verb]('one'), forbidden)
      await assert.rejects(client[verb]('not-there'), forbidden)
    }
    await assert.rejects(client.workers(), forbidden)
    await assert.rejects(startWorker(client, { modules }), forbidden)
    await assert.rejects(
      client.enqueue(tasks.add, input, { key: 'k', onConflict: 'replace' }),
      forbidden,
    )
    assert.match((await missing(client)) ?? '', /may do what producers do$/)
    await worker.stop()
  })

  test('an operator reads everything and stops runs, and enqueues none', async () => {
    await using client = await as('operator')
    await using worker = await startWorker(owner, { modules })
    const waiting = await owner.enqueue(tasks.add, input, { delay: '1h', tags: ['o'], key: 'o' })
    const held = await owner.enqueue(tasks.polite)
    await begun(held)
    const stop = await client.run(held.id).cancel({ grace: '10s', reason: 'enough' })
    assert.deepEqual([stop.confirmed, stop.mode], [true, 'cooperative'])
    const [byKey] = await client.revoke({ task: 'add', key: 'o' })
    assert.deepEqual([byKey?.id, byKey?.answer], [waiting.id, 'prevented'])
    assert.deepEqual(await client.cancel({ filter: { tag: 'o' } }), [])
    await client.cancel('later')
    assert.ok((await client.tombstones()).length > 0)
    assert.equal(await client.liftTombstone('later'), true)
    assert.equal((await client.workers()).length, 1)
    assert.ok((await client.list({ tag: 'o' })).runs.length === 1)
    assert.ok((await Array.fromAsync(client.run(held.id).events())).length > 1)
    await assert.rejects(client.enqueue(tasks.add, input), forbidden)
    await assert.rejects(startWorker(client, { modules }), forbidden)
    await assert.rejects(client.prune({ cancelled: 0 }), forbidden)
    assert.match((await missing(client)) ?? '', /may do what operators do$/)
    await worker.stop()
  })

  test('a worker executes, reports, prunes, and enqueues what handlers do', async () => {
    await using client = await as('worker')
    await using worker = await startWorker(client, { modules })
    const [sum, failing, timed] = await Promise.all([
      owner.enqueue(tasks.addInProcess, input, { tags: ['w'], key: 'w' }),
      owner.enqueue(tasks.hopeless),
      owner.enqueue(tasks.add, input, { delay: 300 }),
    ])
    assert.equal((await sum.result(patience)).sum, 3)
    assert.equal(await timed.result(patience), 3)
    await assert.rejects(failing.result(patience), { code: 'RUN_FAILED' })
    const held = await owner.enqueue(tasks.polite)
    await begun(held)
    assert.equal((await held.cancel({ grace: '10s' })).confirmed, true)
    const hold = await owner.hold({
      verb: 'pause',
      filter: { task: 'none' },
      until: Date.now() + 300,
    })
    const isEnded = async (): Promise<boolean> =>
      (await owner.audit({ kind: 'lift' })).entries.some(({ callId }) => callId.startsWith(hold.id))
    await eventually(isEnded, 'the end of the hold')
    await owner.cancel('before')
    assert.ok((await client.prune({ completed: 0, failed: 0, cancelled: 0 })) > 0)
    const more = await client.enqueue(tasks.add, input, { tags: ['w'] })
    assert.equal(await more.result(patience), 3)
    await assert.rejects(client.cancel('not-there'), forbidden)
    assert.match((await missing(client)) ?? '', /may do what workers do$/)
    await worker.stop()
    assert.equal((await owner.workers()).length, 0)
  })

  test('none of them may change the tables', async () => {
    for (const role of roles) {
      const own = new URL(url)
      own.username = userOf(role)
      assert.equal((await migrate(own.href, { schema })).sql, '', 'nothing is to be done')
      const ddl = `SET ROLE ${userOf(role)}; ALTER TABLE ${schema}.runs ADD COLUMN mine text`
      await assert.rejects(runSql(url, ddl), { code: '42501' })
    }
  })
})
