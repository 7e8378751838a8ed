import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join, dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { suite, test } from 'node:test'
import { type ErrorCode, isCheckreinError } from '../../src/core/errors.ts'
import { migrateStore, openStore } from '../../src/store/open.ts'
import { plainRun, sqlitePlace } from '../store/bed.ts'

const digest = (file: string): string =>
  createHash('sha256').update(readFileSync(file)).digest('hex')

/** Opening is refused with the code and a hint, and leaves the file as it was. */
async function refused(file: string, code: ErrorCode): Promise<void> {
  const before = digest(file)
  await assert.rejects(openStore(`sqlite:${file}`), (error) => {
    assert.ok(isCheckreinError(error), String(error))
    assert.equal(error.code, code, error.message)
    assert.ok((error.hint ?? '').length > 20, 'it has a hint')
    return true
  })
  assert.equal(digest(file), before, 'the file was not changed')
  for (const neighbour of ['-wal', '-journal']) assert.ok(!existsSync(file + neighbour), neighbour)
}

suite('a file that is not a store', () => {
  const contents: Readonly<Record<string, Buffer | string>> = {
    'a short text': 'hello',
    'a long text': 'not a database at all\n'.repeat(1000),
    'a page of zeros': Buffer.alloc(4096),
    'a header with rubbish behind it': `SQLite format 3\0${'x'.repeat(8000)}`,
  }
  for (const [what, content] of Object.entries(contents)) {
    test(`is refused and not touched when it is ${what}`, async () => {
      await using place = await sqlitePlace()
      writeFileSync(place.file, content)
      await refused(place.file, 'STORE_CORRUPT')
    })
  }

  test('is refused when its pages were overwritten', async () => {
    await using place = await sqlitePlace()
    await makeStore(place.file)
    const bytes = readFileSync(place.file)
    bytes.fill(0x55, 100)
    writeFileSync(place.file, bytes)
    await refused(place.file, 'STORE_CORRUPT')
  })

  test('is refused when its end is missing', async () => {
    await using place = await sqlitePlace()
    await makeStore(place.file)
    truncateSync(place.file, 2048)
    await refused(place.file, 'STORE_CORRUPT')
  })

  test('is refused when it is a folder', async () => {
    await using place = await sqlitePlace()
    mkdirSync(place.file)
    await assert.rejects(openStore(`sqlite:${place.file}`), { code: 'STORE_UNAVAILABLE' })
  })

  test('is refused when it has a second name, by which each process would lose what the other acknowledges', async () => {
    await using place = await sqlitePlace()
    await makeStore(place.file)
    const second = join(dirname(place.file), 'second.db')
    linkSync(place.file, second)
    await refused(second, 'STORE_UNAVAILABLE')
    await refused(place.file, 'STORE_UNAVAILABLE')
    rmSync(second)
    symlinkSync(place.file, second)
    await using byLink = await openStore(`sqlite:${second}`)
    assert.equal((await byLink.counts({})).queued, 200)
  })

  test('is refused when it is a device', async () => {
    const wanted = { code: 'STORE_UNAVAILABLE', message: '/dev/null is not a file' }
    await assert.rejects(openStore('sqlite:/dev/null'), wanted)
  })

  test('is not made in a folder that does not exist', async () => {
    await using place = await sqlitePlace()
    const file = join(dirname(place.file), 'none', 'x.db')
    await assert.rejects(openStore(`sqlite:${file}`), { code: 'STORE_UNAVAILABLE' })
    assert.ok(!existsSync(dirname(file)))
  })

  test('is not made by one who only looks', async () => {
    await using place = await sqlitePlace()
    await assert.rejects(openStore(`sqlite:${place.file}`, { create: false }), {
      code: 'STORE_UNAVAILABLE',
    })
    assert.ok(!existsSync(place.file))
    using db = new DatabaseSync(place.file)
    db.exec('CREATE TABLE theirs (a)')
    const before = digest(place.file)
    await assert.rejects(openStore(`sqlite:${place.file}`, { create: false }), {
      code: 'STORE_UNAVAILABLE',
    })
    assert.equal(digest(place.file), before)
  })

  test('is refused when it is the database of another program, until somebody asks for our tables in it', async () => {
    await using place = await sqlitePlace()
    {
      using db = new DatabaseSync(place.file)
      db.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (7)')
    }
    await refused(place.file, 'SCHEMA_FOREIGN')
    await migrateStore(`sqlite:${place.file}`)
    await using store = await openStore(`sqlite:${place.file}`)
    await store.enqueue([{ ...plainRun, id: 'beside' }])
    using db = new DatabaseSync(place.file)
    assert.deepEqual({ ...db.prepare('SELECT * FROM orders').get() }, { id: 7 })
  })

  test('is never made among tables that have names of ours', async () => {
    await using place = await sqlitePlace()
    {
      using db = new DatabaseSync(place.file)
      db.exec('CREATE TABLE checkrein_runs (id TEXT)')
    }
    await refused(place.file, 'SCHEMA_FOREIGN')
    await assert.rejects(migrateStore(`sqlite:${place.file}`), { code: 'SCHEMA_FOREIGN' })
  })

  test('is not what a URL may name that names none', async () => {
    for (const url of ['', 'sqlite:', 'sqlite::memory:', 'postgres:x', 'work.db', 'mysql:x']) {
      await assert.rejects(openStore(url), { code: 'STORE_URL' }, url)
    }
  })
})

suite('a store that breaks while it is open', () => {
  test('says so with every call, and does not end the process', async () => {
    await using place = await sqlitePlace()
    const store = await place.open()
    await store.enqueue(Array.from({ length: 2000 }, (_, at) => ({ ...plainRun, id: `r${at}` })))
    const other = await place.open()
    writeFileSync(place.file, Buffer.alloc(statSync(place.file).size, 0x55))
    writeFileSync(`${place.file}-wal`, '')
    const calls = [
      store.list({}, { limit: 1000, cursor: null, order: 'oldest' }),
      store.enqueue([{ ...plainRun, id: 'x' }]),
      other.counts({ task: 'work' }),
    ]
    const settled = await Promise.allSettled(calls)
    assert.ok(settled.some(({ status }) => status === 'rejected'))
    for (const one of settled) {
      if (one.status === 'fulfilled') continue
      const { code } = one.reason as { code: string }
      assert.ok(['STORE_CORRUPT', 'STORE_UNAVAILABLE'].includes(code), String(one.reason))
    }
  })
})

suite('the schema of a store', () => {
  test('is refused when a newer Checkrein made it, and nothing is changed', async () => {
    await using place = await sqlitePlace()
    await makeStore(place.file)
    {
      using db = new DatabaseSync(place.file)
      db.exec("INSERT INTO checkrein_schema (version, name, applied_at) VALUES (99, 'future', 0)")
    }
    await refused(place.file, 'SCHEMA_TOO_NEW')
  })

  test('is readable by its owner alone', async () => {
    await using place = await sqlitePlace()
    await using _ = await openStore(`sqlite:${place.file}`)
    for (const file of [place.file, `${place.file}-wal`, `${place.file}-shm`]) {
      assert.equal((statSync(file).mode & 0o777).toString(8), '600', file)
    }
  })
})

test('a new store that a symbolic link leads to is readable by its owner alone', async () => {
  await using place = await sqlitePlace()
  const link = join(dirname(place.file), 'link.db')
  symlinkSync(place.file, link)
  await using _ = await openStore(`sqlite:${link}`)
  assert.equal((statSync(place.file).mode & 0o777).toString(8), '600')
})

/** A store with some runs, closed again. */
async function makeStore(file: string): Promise<void> {
  await using store = await openStore(`sqlite:${file}`)
  await store.enqueue(Array.from({ length: 200 }, (_, at) => ({ ...plainRun, id: `r${at}` })))
}
