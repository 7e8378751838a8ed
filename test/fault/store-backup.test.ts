/** Copies of a store that are made while clients and workers write to it. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { suite, test } from 'node:test'
import { backup, type Client, connect, startWorker } from '../../src/index.ts'
import { Place } from '../cli/cli.ts'
import { begun, until } from '../support/bed.ts'
import { plainRun, sqlitePlace } from '../store/bed.ts'
import * as cliTasks from '../cli/tasks.ts'
import * as tasks from '../worker/tasks.ts'

const modules = [new URL('../worker/tasks.ts', import.meta.url)]
const patience = { timeout: '60s' } as const

/** Enqueues one run after the other until it is told to stop; how many were acknowledged. */
class Enqueuing implements AsyncDisposable {
  count = 0
  #isOver = false
  readonly #done: Promise<void>

  constructor(client: Client) {
    this.#done = this.#goOn(client)
  }

  async #goOn(client: Client): Promise<void> {
    while (!this.#isOver) {
      const id = `run-${this.count}`
      await client.enqueue(tasks.add, { a: this.count, b: 1 }, { id, tags: ['t'] })
      this.count++
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    await this.#done
  }
}

/** Checks that a copy has the state of one moment, with all runs that were acknowledged before. */
function checkCopy(file: string, least: number): void {
  using db = new DatabaseSync(file)
  const all = (sql: string): Record<string, unknown>[] => db.prepare(sql).all()
  assert.deepEqual(
    all('PRAGMA integrity_check').map((row) => Object.values(row)),
    [['ok']],
  )
  const ids = all('SELECT id FROM checkrein_runs ORDER BY seq').map(({ id }) => id)
  assert.ok(ids.length >= least, `${ids.length} of ${least} runs`)
  assert.deepEqual(
    ids,
    ids.map((_, at) => `run-${at}`),
    'the first runs, without a gap',
  )
  assert.equal(all('SELECT * FROM checkrein_tags').length, ids.length)
  const torn = all(`
    SELECT r.id FROM checkrein_runs AS r WHERE r.state <> (
      SELECT f.state FROM checkrein_feed AS f WHERE f.run_seq = r.seq AND f.state IS NOT NULL ORDER BY f.position DESC LIMIT 1)`)
  assert.deepEqual(torn, [], 'the state of each run is that of its last entry')
}

suite('a backup of a store in a file', () => {
  test('that clients and workers write to has the state of one moment, and leaves them alone', async () => {
    await using place = await Place.make('sqlite')
    const url = `sqlite:${place.path('checkrein.db')}`
    await using client = await connect(url)
    await using other = await connect(url)
    await using _worker = await startWorker(other, { modules, spares: 0 })
    await using enqueuing = new Enqueuing(client)
    for (let turn = 0; turn < 3; turn++) {
      const least = enqueuing.count
      const copy = await place.json<{ file: string; bytes: number }>('backup', `copy-${turn}.db`)
      assert.equal(copy.file, place.path(`copy-${turn}.db`))
      assert.equal(statSync(copy.file).size, copy.bytes)
      assert.equal((statSync(copy.file).mode & 0o777).toString(8), '600')
      checkCopy(copy.file, least)
      const inProcess = place.path(`copy-${turn}-here.db`)
      await backup(url, inProcess)
      checkCopy(inProcess, least)
    }
    assert.ok(enqueuing.count > 0)
    await enqueuing[Symbol.asyncDispose]()
    await client.run(tasks.add, `run-${enqueuing.count - 1}`).result(patience)
    assert.deepEqual(
      readdirSync(place.folder).filter((name) => name.includes('part')),
      [],
    )
  })

  test('is a store on which work goes on: here its leases go on until they lapse, on another machine they are over', async () => {
    await using place = await Place.make('sqlite')
    const url = `sqlite:${place.path('checkrein.db')}`
    await using client = await connect(url)
    const own = {
      modules: [new URL('../cli/tasks.ts', import.meta.url)],
      spares: 0,
      lease: '1h',
    } as const
    await using _worker = await startWorker(client, own)
    const held = await client.enqueue(cliTasks.polite)
    await begun(held)
    const copy = place.path('copy.db')
    await backup(url, copy)
    {
      await using same = await connect(`sqlite:${copy}`)
      const [lease] = await same.workers()
      assert.ok((lease?.leaseLeftMs ?? 0) > 60_000, 'here the lease of the copy goes on')
    }
    {
      using db = new DatabaseSync(copy)
      db.exec(
        `UPDATE checkrein_meta SET value = '{"boot":"that of another machine","offset":12345}' WHERE name = 'boot'`,
      )
    }
    await using elsewhere = await connect(`sqlite:${copy}`)
    const [lease] = await elsewhere.workers()
    assert.ok((lease?.leaseLeftMs ?? 0) <= 0, 'there it is over')
    await using _next = await startWorker(elsewhere, { ...own, lease: '10s' })
    const again = elsewhere.run(held.id)
    await until(again, ({ attempt }) => attempt === 2)
    assert.equal((await held.get()).attempt, 1, 'the store itself knows nothing of its copy')
  })

  test('is refused where there is a file already, no store, or nothing to copy', async () => {
    await using place = await sqlitePlace()
    const store = await place.open()
    await store.enqueue([{ ...plainRun, id: 'r' }])
    const url = `sqlite:${place.file}`
    const copy = join(dirname(place.file), 'copy.db')
    for (const suffix of ['', '-wal', '-journal']) {
      await using other = await sqlitePlace()
      const taken = `${other.file}${suffix}`
      writeFileSync(taken, 'mine')
      await assert.rejects(backup(url, other.file), { code: 'USAGE', message: /already/ })
      assert.equal(statSync(taken).size, 4)
    }
    await assert.rejects(backup(url, place.file), { code: 'USAGE' })
    await assert.rejects(backup(url, join(dirname(place.file), 'none', 'copy.db')), {
      code: 'STORE_UNAVAILABLE',
    })
    const missing = join(dirname(place.file), 'missing.db')
    await assert.rejects(backup(`sqlite:${missing}`, copy), { code: 'STORE_UNAVAILABLE' })
    {
      using db = new DatabaseSync(missing)
      db.exec('CREATE TABLE theirs (a)')
    }
    await assert.rejects(backup(`sqlite:${missing}`, copy), { code: 'STORE_UNAVAILABLE' })
    assert.ok(!existsSync(copy))
    const dump = { code: 'USAGE', hint: /pg_dump --schema=jobs / }
    await assert.rejects(backup('postgres://u:p@nowhere/db?schema=jobs', copy), dump)
    await assert.rejects(backup('postgres://u:p@nowhere/db', copy, { schema: 'jobs' }), dump)
    await backup(url, copy)
    await store[Symbol.asyncDispose]()
    await backup(url, `${copy}2`)
  })
})
