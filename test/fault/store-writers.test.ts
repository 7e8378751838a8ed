import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { suite, test } from 'node:test'
import { openStore } from '../../src/store/open.ts'
import { sqlitePlace } from '../store/bed.ts'
import { Other } from './store-process.ts'

const patience = { timeout: 60_000 }

suite('several processes on one file', () => {
  test('lose nothing that was acknowledged when one is killed mid-way', patience, async () => {
    await using place = await sqlitePlace()
    const url = `sqlite:${place.file}`
    await using victim = new Other('store-writer.ts', url, 'victim', '100000')
    const others = ['a', 'b', 'c'].map((name) => new Other('store-writer.ts', url, name, '60'))
    await Promise.all([victim.said(100), ...others.map((other) => other.said(20))])
    victim.child.kill('SIGKILL')
    assert.equal(await victim.ended(), 'SIGKILL')
    assert.deepEqual(await Promise.all(others.map((other) => other.ended())), [0, 0, 0])

    const store = await place.open()
    const said = [victim, ...others].flatMap(({ lines }) => lines)
    const enqueued = said
      .filter((line) => line.startsWith('enqueued '))
      .map((line) => line.slice(9))
    assert.equal(
      enqueued.length - victim.lines.filter((line) => line.startsWith('e')).length,
      3 * 180,
    )
    for (const id of enqueued) assert.ok(await store.get(id), `${id} was acknowledged`)
    const completed = said
      .filter((line) => line.startsWith('completed '))
      .map((line) => line.slice(10))
    assert.equal(new Set(completed).size, completed.length, 'no run was completed twice')
    const finals = new Set((await store.finals(completed)).map(({ id }) => id))
    for (const id of completed) assert.ok(finals.has(id), `the end of ${id} was acknowledged`)
    assertSound(place.file)
  })

  test('that open a new file at the same time make it once', patience, async () => {
    await using place = await sqlitePlace()
    const url = `sqlite:${place.file}`
    const others = ['a', 'b', 'c', 'd'].map((name) => new Other('store-writer.ts', url, name, '1'))
    const here = Array.from({ length: 8 }, () => place.open())
    const stores = await Promise.all(here)
    assert.deepEqual(await Promise.all(others.map((other) => other.ended())), [0, 0, 0, 0])
    const [store] = stores
    const all = Object.values((await store?.counts({})) ?? {})
    assert.equal(
      all.reduce((sum, n) => sum + n, 0),
      12,
    )
    using db = new DatabaseSync(place.file)
    const rows = db.prepare('SELECT version, name FROM checkrein_schema').all()
    assert.deepEqual(
      rows.map((row) => row['version']),
      rows.map((_, at) => at + 1),
    )
    assertSound(place.file)
  })

  test(
    'find a file that was left by a killed process as it was, log and all',
    patience,
    async () => {
      await using place = await sqlitePlace()
      await using victim = new Other('store-writer.ts', `sqlite:${place.file}`, 'v', '100000')
      await victim.said(60)
      victim.child.kill('SIGKILL')
      await victim.ended()
      const acknowledged = victim.lines
        .filter((line) => line.startsWith('enqueued '))
        .map((line) => line.slice(9))
      await using store = await openStore(`sqlite:${place.file}`)
      for (const id of acknowledged) assert.ok(await store.get(id))
      assertSound(place.file)
    },
  )
})

function assertSound(file: string): void {
  using db = new DatabaseSync(file)
  assert.deepEqual({ ...db.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' })
}
