import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { suite, test } from 'node:test'
import { Pool } from 'pg'
import { connect } from '../../src/index.ts'
import { storeKinds, Bed } from '../support/bed.ts'
import { testDatabase } from '../support/database.ts'
import { add } from '../worker/tasks.ts'

const index = new URL('../../src/index.ts', import.meta.url).href

suite('connect', () => {
  test('refuses what names no store, and options that it does not have', async () => {
    await assert.rejects(connect(undefined as never), { code: 'STORE_URL' })
    await assert.rejects(connect({} as never), { code: 'STORE_URL' })
    await assert.rejects(connect('sqlite:x.db', { shema: 'mine' } as never), { code: 'USAGE' })
  })

  for (const on of storeKinds)
    test(
      `keeps no process alive that forgets to close, on ${on}`,
      { timeout: 60_000 },
      async () => {
        await using bed = await Bed.make({ on })
        const script = `
        import { connect } from ${JSON.stringify(index)}
        const client = await connect(${JSON.stringify(bed.url)})
        await client.enqueueByName('forgotten')`
        const args = ['--input-type=module', '--eval', script]
        const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
        const [exitCode] = (await once(child, 'exit')) as [number | null]
        assert.equal(exitCode, 0)
        assert.equal((await bed.client.counts()).queued, 1)
      },
    )
})

suite('a pool of the caller', () => {
  test('serves, and stays open; where it has no connection left, a call says so in time', async () => {
    await using bed = await Bed.make({ on: 'postgres' })
    const schema = String(new URL(bed.url).searchParams.get('schema'))
    const pool = new Pool({ connectionString: await testDatabase(), max: 3 })
    {
      await using client = await connect(pool, { schema, answerMs: 300, patienceMs: 500 })
      const run = await client.enqueue(add, { a: 1, b: 2 })
      assert.equal((await run.get()).state, 'queued')
      const held = await Promise.all([pool.connect(), pool.connect()])
      await assert.rejects(client.enqueue(add, { a: 1, b: 2 }), { code: 'STORE_BUSY' })
      for (const one of held) one.release()
      assert.equal((await client.counts()).queued, 1)
    }
    assert.equal((await pool.query('SELECT 1')).rowCount, 1)
    await pool.end()
  })
})

suite('text that stores would keep in different ways', () => {
  for (const on of storeKinds)
    test(`is refused on ${on}: halves of characters, and U+0000`, async () => {
      await using bed = await Bed.make({ on })
      const { client } = bed
      for (const text of ['cut \ud83d', '\udfff', 'nul \0']) {
        const refused = { code: 'USAGE' }
        await assert.rejects(client.enqueue(add, { a: 1, b: 2 }, { id: text }), refused)
        await assert.rejects(client.enqueue(add, { a: 1, b: 2 }, { key: text }), refused)
        await assert.rejects(client.enqueue(add, { a: 1, b: 2 }, { tags: [text] }), refused)
        await assert.rejects(client.revoke('x', { reason: text }), refused)
        await assert.rejects(client.cancel({ filter: { tag: text } }), refused)
        await assert.rejects(client.cancel({ task: 'add', key: text }), refused)
      }
      const run = await client.enqueueByName('any', { note: 'a\u0000b \ud83d', user: { id: 9 } })
      const found = await client.list({ input: { 'user.id': 9 } })
      assert.deepEqual(
        found.runs.map(({ id }) => id),
        [run.id],
      )
    })
})
