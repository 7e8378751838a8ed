/** What doctor finds on PostgreSQL: each thing that may be wrong is made wrong, and the remedy is tried. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { Client as PgClient } from 'pg'
import { type Client, connect, type Finding, migrate } from '../../src/index.ts'
import { dumpOf, partsIn, partsOf, wantedParts } from '../../src/store/postgres/schema/dump.ts'
import { clockWords } from '../../src/store/postgres/schema/findings.ts'
import { Link } from '../../src/store/postgres/connection/link.ts'
import { postgresSettings } from '../../src/store/postgres/connection/options.ts'
import { vacuumFindings } from '../../src/store/postgres/schema/vacuum.ts'
import { eventually } from '../support/bed.ts'
import { dropSchema, freshSchema, makeServer, runSql, testDatabase } from '../support/database.ts'
import { findPgBouncer, PgBouncer } from '../support/pgbouncer.ts'
import { PostgresServer } from '../support/postgres-server.ts'
import { systemBinaries } from '../support/postgres-binaries.ts'

/** A store in a schema of its own. */
class Place implements AsyncDisposable {
  readonly url: string
  readonly schema: string
  readonly client: Client

  static async make(): Promise<Place> {
    const [url, schema] = [await testDatabase(), freshSchema()]
    return new Place(url, schema, await connect(url, { schema }))
  }

  private constructor(url: string, schema: string, client: Client) {
    this.url = url
    this.schema = schema
    this.client = client
  }

  /** Runs statements with the tables in reach. */
  async run(sql: string): Promise<void> {
    await runSql(this.url, `SET search_path TO ${this.schema}; ${sql}`)
  }

  /** Those of some names that are not well. */
  async wrong(...names: readonly string[]): Promise<readonly Finding[]> {
    const findings = await this.client.findings()
    return findings.filter(({ name, level }) => names.includes(name) && level !== 'ok')
  }

  /** Fulfils when `vacuum` warns of something: a server counts rows some time after they were written. */
  async warned(of: RegExp): Promise<void> {
    const isWarned = async (): Promise<boolean> =>
      (await this.wrong('vacuum')).some(({ message }) => of.test(message))
    await eventually(isWarned, `a warning like ${of}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]()
    await dropSchema(this.url, this.schema)
  }
}

/** What a fresh schema is on a server, in words. */
async function freshDump(url: string): Promise<string> {
  const schema = freshSchema('Dump')
  await migrate(url, { schema })
  await using link = await Link.open({
    to: url,
    where: url,
    settings: postgresSettings({ schema }),
  })
  const dump = dumpOf(await link.borrow((session) => partsIn(session, schema)))
  await dropSchema(url, schema)
  return dump
}

const committed = readFileSync(
  new URL('../../src/store/postgres/schema.txt', import.meta.url),
  'utf8',
)

suite('the dump of the schema', () => {
  test('is that of a schema that was just made (else: node scripts/postgres-schema.ts)', async () => {
    assert.equal(await freshDump(await testDatabase()), committed)
    assert.equal(dumpOf(partsOf(committed)), committed)
    assert.ok(wantedParts().length > 60)
  })

  const hasBoth = systemBinaries() !== null
  test(
    'is the same on the server of the system',
    { skip: hasBoth ? false : 'no other PostgreSQL is installed' },
    async () => {
      await using server = await PostgresServer.make({ binaries: 'system' })
      assert.equal(await freshDump(server.url), committed)
    },
  )
})

suite('doctor on PostgreSQL', () => {
  test('finds nothing wrong with a store that was just made', async () => {
    await using place = await Place.make()
    assert.deepEqual(await place.wrong('schema', 'indexes', 'rights', 'hints', 'encoding'), [])
    const names = (await place.client.findings()).map(({ name }) => name)
    for (const name of ['server', 'schema', 'rights', 'clock', 'hints', 'vacuum'])
      assert.ok(names.includes(name), name)
  })

  const changes: [what: string, sql: string, says: RegExp][] = [
    [
      'an index that is gone',
      'DROP INDEX runs_claim',
      /warning indexes: the index runs_claim of runs is missing/,
    ],
    [
      'a unique index that is gone',
      'DROP INDEX runs_key',
      /error indexes: the index runs_key of runs is missing/,
    ],
    [
      'another index of that name',
      'DROP INDEX runs_due; CREATE INDEX runs_due ON runs (run_at)',
      /runs_due of runs is not as it was made/,
    ],
    [
      'a constraint that is gone',
      'ALTER TABLE runs DROP CONSTRAINT runs_running',
      /error schema: the constraint runs_running/,
    ],
    [
      'a constraint that is looser',
      'ALTER TABLE runs DROP CONSTRAINT runs_intent; ALTER TABLE runs ADD CONSTRAINT runs_intent CHECK (true)',
      /runs_intent of runs is not as it was made/,
    ],
    [
      'a column that is gone',
      'ALTER TABLE runs DROP COLUMN progress',
      /error schema: the column progress of runs is missing/,
    ],
    [
      'a constraint more',
      "ALTER TABLE runs ADD CONSTRAINT mine CHECK (task <> 'x')",
      /constraint mine of runs was not made by Checkrein/,
    ],
    [
      'a column more',
      'ALTER TABLE tags ADD COLUMN mine text',
      /column mine of tags was not made by Checkrein/,
    ],
  ]
  for (const [what, sql, says] of changes) {
    test(`finds ${what}, and its hint mends it`, async () => {
      await using place = await Place.make()
      await place.run(sql)
      const [finding, ...others] = await place.wrong('schema', 'indexes')
      assert.deepEqual(others, [])
      assert.match(`${finding?.level} ${finding?.name}: ${finding?.message}`, says)
      const remedy =
        /(?:(?:ALTER|CREATE|DROP|REINDEX) [^;]*;\s*)+$/.exec(finding?.hint ?? '')?.[0] ?? ''
      for (const statement of remedy.split(';').filter((text) => text.trim() !== ''))
        await runSql(place.url, statement)
      assert.deepEqual(await place.wrong('schema', 'indexes'), [], remedy)
    })
  }

  test('finds a column that is another, and leaves that to people', async () => {
    await using place = await Place.make()
    await place.run(
      'ALTER TABLE runs ALTER COLUMN priority DROP NOT NULL, ALTER COLUMN key TYPE varchar(9)',
    )
    const found = (await place.wrong('schema')).map(({ message }) => message)
    assert.equal(found.length, 2)
    assert.match(found[0] ?? '', /column key .* It is: character varying\(9\)/)
    assert.match(found[1] ?? '', /column priority .* It should be: integer NOT NULL/)
  })

  test('finds an index that could not be finished', async () => {
    await using place = await Place.make()
    await place.run(
      "DROP INDEX runs_key; INSERT INTO runs (id, task, queue, state, created_at, priority, attempt, failures, crashes, key_held, key) VALUES (1, 1, 1, 'queued', 1, 1, 0, 0, 0, 1, 1), (2, 1, 1, 'queued', 1, 1, 0, 0, 0, 1, 1)",
    )
    const making = runSql(
      place.url,
      `CREATE UNIQUE INDEX CONCURRENTLY runs_key ON ${place.schema}.runs USING btree (task, key) WHERE key_held = 1`,
    )
    await assert.rejects(making, /could not create unique index/)
    const [finding] = await place.wrong('indexes')
    assert.match(finding?.message ?? '', /runs_key of runs is not valid/)
    await place.run("DELETE FROM runs WHERE id = '2'")
    await runSql(place.url, finding?.hint ?? '')
    assert.deepEqual(await place.wrong('indexes'), [])
  })

  test('leaves alone an index that somebody added, and a schema that is newer', async () => {
    await using place = await Place.make()
    await place.run('CREATE INDEX mine ON runs (task)')
    assert.deepEqual(await place.wrong('schema', 'indexes'), [])
    await place.run(
      "ALTER TABLE runs ADD COLUMN later text; INSERT INTO migrations VALUES (9, 'later', 1)",
    )
    const schema = (await place.client.findings()).find(({ name }) => name === 'schema')
    assert.match(schema?.message ?? '', /version 9: newer than this program/)
    assert.equal(schema?.level, 'ok')
  })

  test('says which rights a user lacks', async () => {
    await using place = await Place.make()
    const user = freshSchema('user')
    await place.run(`CREATE ROLE ${user} LOGIN; GRANT USAGE ON SCHEMA ${place.schema} TO ${user};
      GRANT SELECT ON ALL TABLES IN SCHEMA ${place.schema} TO ${user}`)
    const url = new URL(place.url)
    url.username = user
    try {
      await using client = await connect(url.href, { schema: place.schema })
      const rights = (await client.findings()).find(({ name }) => name === 'rights')
      assert.equal(rights?.level, 'warning')
      assert.match(
        rights?.message ?? '',
        /for producers INSERT ON runs, UPDATE \(key_held\) ON runs/,
      )
      assert.match(rights?.hint ?? '', /docs\/postgres\.md/)
    } finally {
      await runSql(place.url, `DROP OWNED BY ${user}; DROP ROLE ${user}`)
    }
  })

  test('finds a clock that is off, and says what does not mind', () => {
    assert.equal(clockWords(999).level, 'ok')
    assert.equal(clockWords(-400).message, "within 400 ms of the database's")
    const { level, message, hint } = clockWords(-90_000)
    assert.deepEqual(
      [level, message],
      ['warning', "this host's clock is 1.5 min ahead of the database's"],
    )
    assert.match(hint ?? '', /Leases, delays and stops are not affected/)
    assert.match(clockWords(2000).message, /2\.0 s behind/)
  })

  test('finds a connection for LISTEN that hears nothing, or cannot be had', async () => {
    await using place = await Place.make()
    await using other = await makeServer()
    const hints = async (listenUrl: string): Promise<Finding | undefined> => {
      await using client = await connect(place.url, { schema: place.schema, listenUrl })
      return (await client.findings()).find(({ name }) => name === 'hints')
    }
    const deaf = await hints(other.url)
    assert.equal(deaf?.level, 'warning')
    assert.match(deaf?.message ?? '', /not heard.*every 200 ms/)
    const gone = await hints('postgres://127.0.0.1:1/none')
    assert.match(gone?.message ?? '', /no connection can listen: .*ECONNREFUSED/)
    assert.equal((await hints(place.url))?.level, 'ok')
  })

  const bouncer = findPgBouncer()
  test(
    'says what a pooler costs, and what takes that away',
    { skip: bouncer ? false : 'PgBouncer is not installed' },
    async () => {
      await using place = await Place.make()
      await using pooler = await PgBouncer.make(place.url)
      const through = new URL(pooler.url)
      const hints = async (listenUrl?: string): Promise<Finding | undefined> => {
        const options = { schema: place.schema, ...(listenUrl ? { listenUrl } : {}) }
        await using client = await connect(through.href, options)
        return (await client.findings()).find(({ name }) => name === 'hints')
      }
      const { level, message, hint } = (await hints()) ?? {}
      assert.equal(level, 'ok')
      assert.match(`${message} ${hint}`, /nothing can LISTEN.*200 ms.*listenUrl/)
      assert.match((await hints(place.url))?.message ?? '', /come by LISTEN/)
    },
  )

  test('finds what keeps dead rows: autovacuum that is off, and a table that nobody analyzed', async () => {
    await using place = await Place.make()
    await place.run('ALTER TABLE feed SET (autovacuum_enabled = false)')
    const off = await place.wrong('vacuum')
    const found = off.find(({ message }) => message.includes('feed'))
    assert.match(found?.message ?? '', /autovacuum is off for/)
    await runSql(place.url, found?.hint ?? '')
    await place.run(
      "ALTER TABLE tags SET (autovacuum_enabled = false); INSERT INTO tags SELECT 'x', n FROM generate_series(1, 20000) AS n",
    )
    await place.warned(/tags has 20000 rows and was never analyzed/)
    const messages = (await place.wrong('vacuum')).map(({ message }) => message)
    assert.ok(!messages.some((message) => message.includes('feed')), messages.join())
  })

  test('finds dead rows that are not cleaned up', async () => {
    await using place = await Place.make()
    await place.run(`ALTER TABLE tags SET (autovacuum_enabled = false);
      INSERT INTO tags SELECT 'x', n FROM generate_series(1, 60000) AS n; DELETE FROM tags`)
    await place.warned(/tags has 60000 dead rows/)
  })

  test('finds a transaction that keeps what died from being cleaned up', async () => {
    await using place = await Place.make()
    const { url, schema } = place
    const idle = new PgClient(url)
    await idle.connect()
    await idle.query("SET application_name = 'forgotten'; BEGIN; SELECT 1")
    const settings = postgresSettings({ schema })
    await using link = await Link.open({ to: url, where: url, settings })
    const findings = await link.borrow((session) => vacuumFindings(session, schema, 0))
    const found = findings.find(({ message }) => message.includes('transaction open'))
    assert.match(found?.message ?? '', /pid \d+ \(.*has a transaction open for/)
    assert.match(found?.hint ?? '', /pg_terminate_backend\(\d+\)/)
    await idle.query('ROLLBACK')
    await idle.end()
  })

  test('refuses an encoding that cannot hold every text', async () => {
    await using place = await Place.make()
    const name = freshSchema('latin')
    await runSql(
      place.url,
      `CREATE DATABASE ${name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
    )
    const url = new URL(place.url)
    url.pathname = `/${name}`
    try {
      await using client = await connect(url.href)
      const encoding = (await client.findings()).find((finding) => finding.name === 'encoding')
      assert.match(`${encoding?.level} ${encoding?.message}`, /error .*LATIN1/)
    } finally {
      await runSql(place.url, `DROP DATABASE ${name}`)
    }
  })
})
