/** How the schema on PostgreSQL comes about, and how a fleet gets from one version of it to the next. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { suite, test } from 'node:test'
import {
  type CheckreinError,
  connect,
  migrate,
  workerChannel,
  type WorkerEvent,
} from '../../src/index.ts'
import type { Migration } from '../../src/store/driver/migrations.ts'
import { Link } from '../../src/store/postgres/connection/link.ts'
import { isUpToDate, migrateBy, migrations } from '../../src/store/postgres/schema/migrate.ts'
import { postgresSettings } from '../../src/store/postgres/connection/options.ts'
import { Bed, eventually } from '../support/bed.ts'
import { ask, dropSchema, freshSchema, runSql, testDatabase } from '../support/database.ts'
import * as tasks from '../worker/tasks.ts'

/** A schema of this test's own, not made yet. */
class Place implements AsyncDisposable {
  readonly url: string
  readonly schema = freshSchema()
  readonly #drop: string[] = []

  static async make(): Promise<Place> {
    return new Place(await testDatabase())
  }

  private constructor(url: string) {
    this.url = url
  }

  /** A user of the server, with these rights and no others. @returns the URL for it. */
  async user(...grants: readonly string[]): Promise<string> {
    const name = freshSchema('user')
    await ask(this.url, `CREATE ROLE ${name} LOGIN`)
    this.#drop.unshift(`DROP OWNED BY ${name} CASCADE`, `DROP ROLE ${name}`)
    for (const grant of grants) await ask(this.url, `${grant} ${name}`)
    const url = new URL(this.url)
    url.username = name
    return url.href
  }

  /** What the tables are, in a word each. */
  async tables(): Promise<readonly string[]> {
    const names = await ask(
      this.url,
      `SELECT coalesce(json_agg(tablename ORDER BY tablename), '[]') AS answer FROM pg_tables WHERE schemaname = '${this.schema}'`,
    )
    return names as string[]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await dropSchema(this.url, this.schema)
    for (const sql of this.#drop) await ask(this.url, sql)
  }
}

/** Migrates as a later Checkrein would. */
async function upgrade(
  { url, schema }: { url: string; schema: string },
  next: Omit<Migration, 'version'>,
  isForced = false,
): Promise<{ from: number; to: number }> {
  const all = [...migrations(), { ...next, version: migrations().length + 1 }]
  await using link = await Link.open({
    to: url,
    where: 'here',
    settings: postgresSettings({ schema }),
  })
  const { from, to } = await migrateBy(link, { schema, where: 'here', all, isForced })
  return { from, to }
}

const known = migrations().length

const compatible = {
  name: 'notes',
  sql: `-- works with: ${migrations().length}
ALTER TABLE runs ADD COLUMN note text;
ALTER TABLE feed ADD COLUMN note text;
ALTER TABLE workers ADD COLUMN note text;
CREATE INDEX runs_note ON runs (note) WHERE note IS NOT NULL;`,
}
const breaking = { name: 'outcome', sql: 'ALTER TABLE runs RENAME COLUMN result TO outcome;' }

const failsWith =
  (code: string, hint: RegExp) =>
  (error: CheckreinError): boolean => {
    assert.equal(error.code, code, error.message)
    assert.match(error.hint ?? '', hint)
    return true
  }

suite('the schema on PostgreSQL', () => {
  test('is made once, however many begin at the same time', async () => {
    await using place = await Place.make()
    const { url, schema } = place
    const migrating = Array.from({ length: 12 }, () => migrate(url, { schema }))
    const connecting = Array.from({ length: 6 }, () => connect(url, { schema }))
    const clients = await Promise.all(connecting)
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
    const made = (await Promise.all(migrating)).filter(({ from, to }) => from !== to)
    assert.ok(made.length <= 1, 'one at most did the work')
    const rows = await ask(url, `SELECT count(*)::int AS answer FROM ${schema}.migrations`)
    assert.equal(rows, migrations().length)
    assert.deepEqual(await migrate(url, { schema }), { from: known, to: known, sql: '' })
  })

  test('is made by a dry run’s script as it is by a migration', async () => {
    await using place = await Place.make()
    const { url, schema } = place
    const { from, to, sql } = await migrate(url, { schema, isDryRun: true })
    assert.deepEqual([from, to], [0, migrations().length])
    assert.deepEqual(await place.tables(), [], 'nothing was done')
    await runSql(url, sql)
    assert.deepEqual(await migrate(url, { schema, isDryRun: true }), {
      from: known,
      to: known,
      sql: '',
    })
    await using client = await connect(url, { schema, migrate: false })
    await client.enqueueByName('any')
  })

  test('is not made or changed where that is not wanted', async () => {
    await using place = await Place.make()
    const { url, schema } = place
    const refused = failsWith('STORE_UNAVAILABLE', /checkrein migrate/)
    await assert.rejects(connect(url, { schema, migrate: false }), refused)
    await assert.rejects(connect(url, { schema, create: false }), refused)
    assert.deepEqual(await place.tables(), [])
    await migrate(url, { schema })
    await using link = await Link.open({
      to: url,
      where: 'here',
      settings: postgresSettings({ schema }),
    })
    const all = [...migrations(), { ...compatible, version: known + 1 }]
    const asked = link.borrow((session) =>
      isUpToDate(session, { schema, where: 'here', migrate: false, all }),
    )
    await assert.rejects(asked, failsWith('SCHEMA_TOO_OLD', /checkrein migrate/))
  })

  test('is not mixed with the tables of another program', async () => {
    await using place = await Place.make()
    const { url, schema } = place
    await runSql(
      url,
      `CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.tags (name text); CREATE TABLE ${schema}.migrations (id int)`,
    )
    const refused = failsWith('SCHEMA_FOREIGN', /--schema/)
    await assert.rejects(connect(url, { schema }), refused)
    await assert.rejects(migrate(url, { schema, isDryRun: true }), refused)
    assert.deepEqual(await place.tables(), ['migrations', 'tags'])
  })

  test('has a name of ASCII letters, digits and underscores, and the error says so', async () => {
    for (const schema of ['', '1st', 'my-queue', 'größe', 'a b', 'x"; --', 'x'.repeat(49)]) {
      const refused = failsWith('USAGE', /ASCII letters, digits and underscores, at most 48/)
      await assert.rejects(connect('postgres://nowhere.invalid/x', { schema }), refused, schema)
    }
  })

  test('is never made in the schema that Prisma writes into its URLs', async () => {
    await using place = await Place.make()
    const url = new URL(place.url)
    url.searchParams.set('schema', 'public')
    const { sql } = await migrate(url.href, { isDryRun: true })
    assert.doesNotMatch(sql, /"public"/)
  })

  test('wants a right that its user may not have, and says what to do', async () => {
    await using place = await Place.make()
    const { schema } = place
    const url = await place.user()
    const hint = /checkrein migrate.*docs\/postgres\.md/
    await assert.rejects(connect(url, { schema }), failsWith('STORE_FORBIDDEN', hint))
    await assert.rejects(migrate(url, { schema }), failsWith('STORE_FORBIDDEN', hint))
    await migrate(place.url, { schema })
    const reader = await place.user(
      `GRANT USAGE ON SCHEMA ${schema} TO`,
      `GRANT SELECT ON ${schema}.migrations TO`,
    )
    await assert.rejects(
      upgrade({ url: reader, schema }, compatible),
      failsWith('SCHEMA_TOO_OLD', hint),
    )
  })

  test('needs no right on the database where the schema is there', async () => {
    await using place = await Place.make()
    const { schema } = place
    const url = await place.user(`CREATE SCHEMA ${schema} AUTHORIZATION`)
    assert.equal((await migrate(url, { schema })).to, migrations().length)
  })

  test('may have a name that wants quotes', async () => {
    await using place = await Place.make()
    const schema = `${place.schema}_Mixed`
    await using client = await connect(place.url, { schema })
    await client.enqueueByName('any')
    assert.equal((await migrate(place.url, { schema })).sql, '')
    await dropSchema(place.url, schema)
  })
})

const modules = [new URL('../worker/tasks.ts', import.meta.url)]

/** What goes wrong between the workers of this process and the store. */
class StoreErrors implements Disposable {
  readonly seen: string[] = []
  readonly #listener = (message: unknown): void => {
    const event = message as WorkerEvent
    if (event.type === 'store-error' || event.type === 'lease-lost') this.seen.push(event.type)
  }

  constructor() {
    subscribe(workerChannel, this.#listener)
  }

  [Symbol.dispose](): void {
    unsubscribe(workerChannel, this.#listener)
  }
}

suite('a fleet whose schema is brought up to date', () => {
  test('goes on working where the migration promises that', async () => {
    using errors = new StoreErrors()
    await using bed = await Bed.make({ on: 'postgres', worker: { modules, concurrency: 4 } })
    const { client, url } = bed
    const schema = new URL(url).searchParams.get('schema') ?? ''
    const sums = async (): Promise<number[]> => {
      const adding = Array.from({ length: 40 }, (_, b) => client.enqueue(tasks.add, { a: 1, b }))
      return Promise.all((await Promise.all(adding)).map((run) => run.result()))
    }
    const wanted = Array.from({ length: 40 }, (_, b) => b + 1)
    assert.deepEqual(await sums(), wanted, 'every connection has plans')
    const held = await client.enqueue(tasks.polite)
    for await (const { type } of held.events()) if (type === 'claim') break
    const [during, upgraded] = await Promise.all([sums(), upgrade({ url, schema }, compatible)])
    assert.deepEqual([during, upgraded], [wanted, { from: known, to: known + 1 }])
    assert.deepEqual(await sums(), wanted)
    assert.equal((await held.cancel({ grace: '2s' })).confirmed, true)
    await using late = await connect(url)
    assert.equal((await late.counts()).completed, 120, 'a new process of the old version')
    assert.deepEqual(errors.seen, [])
  })

  test('is left alone while workers live that the migration does not work with', async () => {
    await using bed = await Bed.make({ on: 'postgres', worker: { modules } })
    const { client, url } = bed
    const schema = new URL(url).searchParams.get('schema') ?? ''
    const refused = failsWith('SCHEMA_IN_USE', /Stop them/)
    await assert.rejects(upgrade({ url, schema }, breaking), refused)
    const run = await client.enqueue(tasks.add, { a: 1, b: 2 })
    assert.equal(await run.result(), 3)
    await bed.worker?.stop()
    assert.deepEqual(await upgrade({ url, schema }, breaking), { from: known, to: known + 1 })
    await assert.rejects(connect(url), failsWith('SCHEMA_TOO_NEW', /Update/))
    await assert.rejects(migrate(url), failsWith('SCHEMA_TOO_NEW', /Update/))
  })

  test('ends what its old workers run where the migration was forced on them, and tells them why', async () => {
    using errors = new StoreErrors()
    await using bed = await Bed.make({ on: 'postgres', worker: { modules } })
    const { client, url } = bed
    const schema = new URL(url).searchParams.get('schema') ?? ''
    const held = await client.enqueue(tasks.polite)
    for await (const { type } of held.events()) if (type === 'claim') break
    assert.equal((await upgrade({ url, schema }, breaking, true)).to, known + 1)
    const cancelled = held.cancel({ grace: 0 })
    await assert.rejects(cancelled, failsWith('SCHEMA_TOO_OLD', /update the program/))
    await client.enqueue(tasks.add, { a: 1, b: 2 })
    await eventually(() => errors.seen.includes('lease-lost'), 'the end of the lease')
    const { state, attempt } = await held.get()
    assert.deepEqual([state, attempt], ['running', 1], 'nobody else took it for his own')
  })
})
