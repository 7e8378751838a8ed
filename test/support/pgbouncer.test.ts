import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from 'pg'
import { ask, testDatabase } from './database.ts'
import { findPgBouncer, PgBouncer } from './pgbouncer.ts'

const skip = findPgBouncer() ? false : 'PgBouncer is not installed'

test(
  'a PgBouncer gives its one connection to one transaction after the other',
  { skip },
  async () => {
    await using bouncer = await PgBouncer.make(await testDatabase(), { defaultPoolSize: 1 })
    const backend = 'SELECT pg_backend_pid() answer'
    const client = new Client(bouncer.url)
    await client.connect()
    try {
      const { rows } = await client.query<{ answer: number }>(backend)
      assert.equal(await ask(bouncer.url, backend), rows[0]?.answer)
    } finally {
      await client.end()
    }
  },
)

test('a PgBouncer refuses more clients than it was told to take', { skip }, async () => {
  await using bouncer = await PgBouncer.make(await testDatabase(), { maxClientConn: 1 })
  const client = new Client(bouncer.url)
  await client.connect()
  try {
    await assert.rejects(ask(bouncer.url, 'SELECT 1'), /no more connections allowed/)
  } finally {
    await client.end()
  }
})
