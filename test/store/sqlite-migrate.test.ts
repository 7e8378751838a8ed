/** How the schema of a file gets from one version to the next, on migrations of this test's own. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { CheckreinError } from '../../src/index.ts'
import { type Migration, migrationsIn } from '../../src/store/driver/migrations.ts'
import { Connection } from '../../src/store/sqlite/connection.ts'
import {
  migrateSqlite,
  needsMigration,
  schemaVersion,
  sqliteMigration,
} from '../../src/store/sqlite/migrate.ts'

/** A folder with migrations, and a file beside it. */
class Place implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), 'checkrein-'))
  readonly file = join(this.#root, 'work.db')
  readonly connection = Connection.open(this.file)

  constructor(files: Readonly<Record<string, string>>) {
    mkdirSync(join(this.#root, 'migrations'))
    for (const [name, sql] of Object.entries(files))
      writeFileSync(join(this.#root, 'migrations', name), sql)
  }

  get migrations(): readonly Migration[] {
    return migrationsIn(pathToFileURL(`${join(this.#root, 'migrations')}/`))
  }

  /** In one transaction, as the driver does it. */
  migrate(all: readonly Migration[], now = 1): void {
    this.connection.exec('BEGIN IMMEDIATE')
    try {
      migrateSqlite(this.connection, { file: this.file, all, now })
      this.connection.exec('COMMIT')
    } catch (error) {
      this.connection.exec('ROLLBACK')
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.connection.close()
    rmSync(this.#root, { recursive: true })
  }
}

const files = {
  '0001_initial.sql': 'CREATE TABLE things (name TEXT);',
  '0002_sizes.sql': 'ALTER TABLE things ADD COLUMN size INTEGER;',
  '0003_index.sql': 'CREATE INDEX things_size ON things (size);',
}

suite('the schema of a file', () => {
  test('is made by all migrations in order, and each is noted with its time', () => {
    using place = new Place(files)
    const { file, connection, migrations } = place
    assert.equal(schemaVersion(connection), 0)
    assert.ok(needsMigration(connection, { file, all: migrations }))
    place.migrate(migrations, 7)
    assert.equal(schemaVersion(connection), 3)
    assert.ok(!needsMigration(connection, { file, all: migrations }))
    assert.deepEqual(
      connection.all('SELECT version, name, applied_at FROM checkrein_schema ORDER BY version'),
      [
        { __proto__: null, version: 1, name: 'initial', applied_at: 7 },
        { __proto__: null, version: 2, name: 'sizes', applied_at: 7 },
        { __proto__: null, version: 3, name: 'index', applied_at: 7 },
      ],
    )
  })

  test('gets what is new and nothing twice, and a dry run says what that is', () => {
    using place = new Place(files)
    const { file, connection, migrations } = place
    place.migrate(migrations.slice(0, 1))
    connection.exec("INSERT INTO things VALUES ('kept')")
    const { from, to, sql } = sqliteMigration(file, migrations)
    assert.deepEqual([from, to], [1, 3])
    assert.match(sql, /^-- 2 sizes\nALTER TABLE [^]+-- 3 index\nCREATE INDEX /)
    assert.equal(schemaVersion(connection), 1, 'nothing was done')
    place.migrate(migrations)
    place.migrate(migrations)
    assert.deepEqual({ ...connection.all('SELECT * FROM things')[0] }, { name: 'kept', size: null })
    assert.deepEqual(sqliteMigration(file, migrations), { from: 3, to: 3, sql: '' })
  })

  test('is left as it was where one of the migrations fails', () => {
    using place = new Place({ ...files, '0003_index.sql': 'CREATE INDEX broken ON nothing (x);' })
    const { connection, migrations } = place
    place.migrate(migrations.slice(0, 1))
    assert.throws(() => place.migrate(migrations), /nothing/)
    assert.equal(schemaVersion(connection), 1)
    assert.throws(() => connection.all('SELECT size FROM things'), /size/)
  })

  test('is refused where a newer program made it, and nothing is changed', () => {
    using place = new Place(files)
    const { file, connection, migrations } = place
    place.migrate(migrations)
    const refused = ({ code, hint }: CheckreinError): boolean =>
      code === 'SCHEMA_TOO_NEW' && /Nothing was changed/.test(hint ?? '')
    const older = migrations.slice(0, 2)
    assert.throws(() => needsMigration(connection, { file, all: older }), refused)
    assert.throws(() => place.migrate(older), refused)
    assert.throws(() => sqliteMigration(file, older), refused)
    assert.equal(schemaVersion(connection), 3)
  })

  test('cannot be made by a bundle that the files did not come with, which says so', () => {
    const folder = new URL('migrations/', pathToFileURL(`${tmpdir()}/no-such-bundle/`))
    assert.throws(
      () => migrationsIn(folder),
      ({ code, hint }: CheckreinError) =>
        code === 'PACKAGE_INCOMPLETE' && /bundle/.test(hint ?? ''),
    )
  })

  test('comes from files that are numbered without a gap', () => {
    using place = new Place({ '0001_initial.sql': '', '0003_later.sql': '' })
    assert.throws(() => place.migrations, /0003_later\.sql is out of order/)
  })
})
