import assert from 'node:assert/strict'
import { existsSync, readlinkSync } from 'node:fs'
import { suite, test } from 'node:test'
import { Client } from 'pg'
import { eventually } from './bed.ts'
import { ask, dropSchema, freshSchema, testDatabase } from './database.ts'
import { type BinariesName, embeddedBinaries, systemBinaries } from './postgres-binaries.ts'
import { PostgresServer } from './postgres-server.ts'
import { isDead, processesIn } from './processes.ts'
import { Program } from './program.ts'

/** A connection whose backend is busy, and so hears nothing, until it is killed. */
async function keepBusy(url: string): Promise<void> {
  const client = new Client(url)
  client.on('error', () => {})
  await client.connect()
  void client.query('DO $$ BEGIN LOOP END LOOP; END $$').catch(() => {})
}

const missing: Record<BinariesName, string | false> = {
  embedded: embeddedBinaries() ? false : 'npm has no PostgreSQL for this platform',
  system: systemBinaries() ? false : 'the system has no PostgreSQL',
}

for (const binaries of ['embedded', 'system'] as const) {
  suite(`a PostgreSQL server, ${binaries}`, { skip: missing[binaries] }, () => {
    test('is of the version that it says, and as it was configured', async () => {
      await using server = await PostgresServer.make({ binaries, settings: { work_mem: '7MB' } })
      const version = await ask(server.url, `SELECT current_setting('server_version_num') answer`)
      assert.equal(version, String(server.version))
      assert.equal(await ask(server.url, `SELECT current_setting('work_mem') answer`), '7MB')
    })

    test('keeps what was committed through stops and kills, at the same address', async () => {
      await using server = await PostgresServer.make({ binaries })
      await ask(server.url, 'CREATE TABLE kept AS SELECT 1 answer')
      await server.restart()
      await ask(server.url, 'UPDATE kept SET answer = 2')
      await server.stop('immediate')
      await server.start()
      await ask(server.url, 'UPDATE kept SET answer = 3')
      await keepBusy(server.url)
      const folder = readlinkSync(`/proc/${server.pid}/cwd`)
      await server.kill()
      assert.deepEqual(processesIn(folder), [])
      await assert.rejects(ask(server.url, 'SELECT 1'), { code: 'ECONNREFUSED' })
      await server.start()
      assert.equal(await ask(server.url, 'SELECT answer FROM kept'), 3)
    })

    test('has a standby that takes over with all that was committed', async () => {
      await using primary = await PostgresServer.make({ binaries })
      await using standby = await primary.standby()
      await ask(primary.url, `ALTER SYSTEM SET synchronous_standby_names = '*'`)
      await ask(primary.url, 'SELECT pg_reload_conf()')
      const state = 'SELECT sync_state answer FROM pg_stat_replication'
      await eventually(async () => (await ask(primary.url, state)) === 'sync', 'the standby')
      await ask(primary.url, 'CREATE TABLE kept AS SELECT 1 answer')
      await primary.kill()
      await standby.promote()
      assert.equal(await ask(standby.url, 'UPDATE kept SET answer = 2 RETURNING answer'), 2)
    })
  })
}

test('a server and its folder are gone with the test, also a suspended server', async () => {
  const server = await PostgresServer.make()
  const { pid } = server
  const folder = readlinkSync(`/proc/${pid}/cwd`)
  process.kill(pid, 'SIGSTOP')
  await server[Symbol.asyncDispose]()
  assert.deepEqual([isDead(pid), existsSync(folder)], [true, false])
})

test('what a killed postmaster left is gone with the test', async () => {
  const server = await PostgresServer.make()
  const folder = readlinkSync(`/proc/${server.pid}/cwd`)
  await keepBusy(server.url)
  process.kill(server.pid, 'SIGKILL')
  await server[Symbol.asyncDispose]()
  await eventually(() => processesIn(`${folder} (deleted)`).length === 0, 'the end of the backend')
  assert.equal(existsSync(folder), false)
})

test('a server and its folder are gone when the process of the test is killed', async () => {
  await using owner = new Program('test/support/server-owner-main.ts')
  const [, pid] = await owner.printed(/(\d+)\n/)
  const folder = readlinkSync(`/proc/${pid}/cwd`)
  owner.process.kill('SIGKILL')
  await eventually(() => isDead(Number(pid)) && !existsSync(folder), 'the end of the server')
})

test('the database of the tests has a schema for each, and drops it', async () => {
  const url = await testDatabase()
  const schema = freshSchema()
  const count = `SELECT count(*)::int answer FROM pg_namespace WHERE nspname = '${schema}'`
  await ask(url, `CREATE SCHEMA ${schema} CREATE TABLE inside (id int)`)
  assert.equal(await ask(url, count), 1)
  await dropSchema(url, schema)
  assert.equal(await ask(url, count), 0)
})
