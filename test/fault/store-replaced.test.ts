/** The files of a store are deleted, moved or replaced while processes have them open. */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { connect, startWorker } from '../../src/index.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { Place } from '../cli/cli.ts'
import { eventually, until } from '../support/bed.ts'
import { isDead } from '../support/processes.ts'
import { plainRun, sqlitePlace } from '../store/bed.ts'
import * as reins from '../worker/reins-tasks.ts'
import * as inline from './aborted-task.ts'
import * as victims from './victims.ts'

const replaced = { code: 'STORE_REPLACED', hint: /Start the process again/ }
const suffixes = ['', '-wal', '-shm'] as const

const harms: Readonly<Record<string, (path: string) => void>> = {
  'is deleted': (path) => rmSync(path),
  'is moved': (path) => renameSync(path, `${path}.moved`),
  'is replaced by a copy': (path) => {
    copyFileSync(path, `${path}.copy`)
    renameSync(`${path}.copy`, path)
  },
}

/** The log and the shared memory are looked at every few ms. */
async function refusesSoon(store: Store): Promise<void> {
  const refuses = (): Promise<boolean> =>
    store.get('any').then(
      () => false,
      () => true,
    )
  await eventually(refuses, 'the refusal', 1)
}

suite('a store whose file is gone from its path', () => {
  for (const suffix of suffixes)
    for (const [harm, work] of Object.entries(harms))
      test(`acknowledges nothing once its ${suffix === '' ? 'database' : suffix} ${harm}`, async () => {
        await using place = await sqlitePlace()
        const store = await place.open()
        await store.enqueue([{ ...plainRun, id: 'before' }])
        work(place.file + suffix)
        if (suffix !== '') await refusesSoon(store)
        await assert.rejects(store.enqueue([{ ...plainRun, id: 'after' }]), replaced)
        await assert.rejects(store.get('before'), replaced)
        await assert.rejects(store.findings(), replaced)
        await assert.rejects(store.renewLease('w'), replaced)
      })

  test('lets a transaction of the caller go on without what was asked in it', async () => {
    await using place = await sqlitePlace()
    const store = await place.open()
    using db = new DatabaseSync(place.file)
    db.exec('CREATE TABLE theirs (a); BEGIN IMMEDIATE; INSERT INTO theirs VALUES (1)')
    rmSync(place.file)
    await assert.rejects(store.within(db).enqueue([{ ...plainRun, id: 'within' }]), replaced)
    db.exec('COMMIT')
    const { n } = db.prepare('SELECT count(*) AS n FROM checkrein_runs').get() as { n: number }
    assert.equal(n, 0)
  })

  test('does no harm to the store that is made in its place, not even when it is closed', async () => {
    await using place = await sqlitePlace()
    const old = await place.open()
    await old.enqueue([{ ...plainRun, id: 'old' }])
    for (const suffix of suffixes) rmSync(place.file + suffix)
    await using young = await openStore(`sqlite:${place.file}`)
    await young.enqueue([{ ...plainRun, id: 'young' }])
    await assert.rejects(old.enqueue([{ ...plainRun, id: 'late' }]), replaced)
    await old[Symbol.asyncDispose]()
    assert.ok(suffixes.every((suffix) => existsSync(place.file + suffix)))
    await young.enqueue([{ ...plainRun, id: 'more' }])
    await using again = await openStore(`sqlite:${place.file}`)
    const { runs } = await again.list({}, { limit: 10, cursor: null, order: 'oldest' })
    assert.deepEqual(
      runs.map(({ id }) => id),
      ['young', 'more'],
    )
  })

  test('has lost nothing that was acknowledged, where its log was deleted and its processes end', async () => {
    await using place = await sqlitePlace()
    const stores = [await place.open(), await place.open()]
    const ids = Array.from({ length: 50 }, (_, at) => `r${at}`)
    for (const [at, id] of ids.entries()) await stores[at % 2]?.enqueue([{ ...plainRun, id }])
    for (const suffix of ['-wal', '-shm']) rmSync(place.file + suffix)
    for (const store of stores) await refusesSoon(store)
    for (const store of stores) await store[Symbol.asyncDispose]()
    await using again = await openStore(`sqlite:${place.file}`)
    for (const id of ids) assert.ok(await again.get(id), id)
  })

  test('rejects those who wait for an end, and those who follow the feed', async () => {
    await using place = await sqlitePlace()
    await using client = await connect(`sqlite:${place.file}`)
    const run = await client.enqueue(reins.noRollback)
    const follow = async (): Promise<void> => {
      for await (const _ of run.events()) void _
    }
    const both = [assert.rejects(run.result(), replaced), assert.rejects(follow(), replaced)]
    rmSync(place.file)
    await Promise.all(both)
  })
})

suite('a worker whose store is gone from its path', () => {
  for (const victim of [victims.processVictim, victims.threadVictim])
    test(`kills what it runs in a ${victim.isolation}, takes nothing new, and says so`, async () => {
      await using place = await sqlitePlace()
      await using client = await connect(`sqlite:${place.file}`)
      const modules = [new URL('./victims.ts', import.meta.url)]
      const worker = await startWorker(client, { modules, spares: 0, lease: '3s' })
      const run = await client.enqueue(victim, { kind: 'a CPU loop' })
      const { progress } = await until(run, ({ progress }) => progress !== undefined)
      const [pid] = progress as [number]
      assert.ok(!isDead(pid))
      rmSync(place.file)
      const error = await worker.failed
      assert.equal(error.code, 'STORE_REPLACED')
      const killed = `killed, with nothing of their ends on record: ${run.id}#1`
      assert.match(error.message, new RegExp(killed))
      await worker.stop()
      assert.ok(isDead(pid), 'its process is dead')
      assert.equal(worker.id, '')
    })

  test('aborts what it runs inline', async () => {
    await using place = await sqlitePlace()
    await using client = await connect(`sqlite:${place.file}`)
    const modules = [new URL('./aborted-task.ts', import.meta.url)]
    const worker = await startWorker(client, { modules, spares: 0, lease: '3s' })
    const run = await client.enqueue(inline.aborted)
    await until(run, ({ progress }) => progress !== undefined)
    rmSync(place.file)
    assert.equal((await worker.failed).code, 'STORE_REPLACED')
    assert.equal(await inline.reason.promise, 'LEASE_LOST')
    await worker.stop()
  })

  test('ends the process of the command line, which names what it ran, and a new one works on what is there now', async () => {
    await using place = await Place.make('sqlite')
    const module = fileURLToPath(new URL('./victims.ts', import.meta.url))
    const worker = place.start(['worker', module, '--lease', '3s'])
    await worker.says(/worker \S+ started/)
    const id = await place.does('enqueue', 'process-victim', '{"kind":"a CPU loop"}')
    let pid = 0
    const hasBegun = async (): Promise<boolean> => {
      const { run } = await place.json<{ run: { progress?: [number] } }>('show', id)
      pid = run.progress?.[0] ?? 0
      return pid > 0
    }
    await eventually(hasBegun, 'the handler', 20)
    const file = place.path('checkrein.db')
    renameSync(file, `${file}.moved`)
    const { code, stderr, stdout } = await worker.ended
    assert.equal(code, 69, stderr)
    assert.match(stderr, /error STORE_REPLACED: .*checkrein\.db is gone: it was deleted or moved/)
    assert.match(stderr, new RegExp(`killed, with nothing of their ends on record: ${id}#1`))
    assert.match(stdout, /store error during/)
    await eventually(() => isDead(pid), 'the end of its process')
    const after = place.start(['worker', module])
    await after.says(/worker \S+ started/)
    await place.does('enqueue', 'neighbour', '{"n":3}', '--wait')
  })
})
