/**
 * The plan of every hot statement, on a table with a history: that it reads by an index, and only what it needs, whether the
 * server knows the table well, not at all, or as it was when it was empty; with the plan for these parameters and with the one for any.
 */
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { Client } from 'pg'
import { postgresStatements } from '../../src/store/postgres/sql/statements.ts'
import { sessionSettings } from '../../src/store/postgres/connection/settings.ts'
import { openStore } from '../../src/store/open.ts'
import { dropSchema, freshSchema, testDatabase } from '../support/database.ts'
import { systemBinaries } from '../support/postgres-binaries.ts'
import { PostgresServer } from '../support/postgres-server.ts'
import { type Counts, fill, type Hot, hotOf } from './postgres-hot.ts'
import { matchParams } from '../../src/store/driver/sql.ts'

const schema = freshSchema('plans')
const statements = postgresStatements(`"${schema}"`)
const finishedCount = 60_000
const counts = { finishedCount, liveCount: 30_000, idleCount: 10_000 }
/** A table that has just been filled, and of which much is asked at once. */
const young = { finishedCount: 200, liveCount: 2500, idleCount: 2500 }

let client: Client

/** What a node of a plan has that is of use here. */
interface Node {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Join Filter'?: number
  readonly Plans?: readonly Node[]
}

const nodesOf = (node: Node): readonly Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)]

function literal(value: unknown): string {
  if (value === null) return 'NULL'
  if (Array.isArray(value) && value.every((one) => one === null))
    return `'{${value.map(() => 'NULL').join(', ')}}'`
  if (Array.isArray(value)) return `ARRAY[${value.map(literal).join(', ')}]`
  return typeof value === 'number' ? String(value) : client.escapeLiteral(String(value))
}

const prepare = (name: string, text: string): Promise<unknown> =>
  client.query(`PREPARE ${name} AS ${text}`)

/** The plan by which a prepared statement is carried out, which is taken back. */
async function planOf(name: string, values: readonly unknown[]): Promise<readonly Node[]> {
  await client.query('BEGIN')
  try {
    const given = values.length > 0 ? `(${values.map(literal).join(', ')})` : ''
    const { rows } = await client.query<{ 'QUERY PLAN': readonly { Plan: Node }[] }>(
      `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE ${name}${given}`,
    )
    return (rows[0]?.['QUERY PLAN'] ?? []).flatMap(({ Plan }) => nodesOf(Plan))
  } finally {
    await client.query('ROLLBACK')
  }
}

/** The same of a statement, as it is made now: only prepared ones have a plan for any parameters. */
async function planNow(text: string, values: readonly unknown[]): Promise<readonly Node[]> {
  await client.query('DEALLOCATE ALL')
  await prepare('looked_at', text)
  return planOf('looked_at', values)
}

/** Rows that were read and thrown away again. */
const wasted = (node: Node): number =>
  ((node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Join Filter'] ?? 0)) *
  node['Actual Loops']
const isScan = (node: Node): boolean =>
  node['Node Type'] === 'Seq Scan' && large.includes(node['Relation Name'] ?? '')
const large = ['runs', 'nodes', 'feed', 'tags', 'signals', 'checkpoints', 'bulks', 'borrowed']

async function check([name, text, values]: Hot[number]): Promise<void> {
  for (const mode of ['force_custom_plan', 'force_generic_plan']) {
    await client.query(`SET plan_cache_mode = ${mode}`)
    const nodes = await planNow(text, values)
    for (const node of nodes) {
      assert.ok(!isScan(node), `${name} (${mode}) reads all of ${node['Relation Name']}`)
      assert.ok(
        wasted(node) <= 1100,
        `${name} (${mode}): ${node['Node Type']} ${node['Index Name'] ?? ''} throws ${wasted(node)} rows away`,
      )
    }
  }
}

const looked =
  'runs, nodes, feed, tags, workers, signals, checkpoints, bulks, holds, tombstones, borrowed'
const emptied = looked
  .split(', ')
  .map((table) => `DELETE FROM ${table}`)
  .join('; ')
/** The tables as they are where everything was pruned, and the server has looked at them before it was vacuumed. */
const drain = `${emptied}; ANALYZE ${looked}`

/** With places as in tables that are new. */
const filled = (of: Counts): string =>
  `ALTER SEQUENCE runs_seq_seq RESTART; ALTER SEQUENCE signals_position_seq RESTART; ${fill(of)}`

/** A schema of its own for the tests of a suite, filled; where it was drained, for the second time. */
function withTables(of: Counts | null, { wasDrained = false, at = testDatabase } = {}): void {
  before(async () => {
    const url = await at()
    const store = await openStore(url, { schema })
    await store[Symbol.asyncDispose]()
    client = new Client(url)
    await client.connect()
    await client.query(`SET search_path TO "${schema}"`)
    await client.query(
      looked
        .split(', ')
        .map((table) => `ALTER TABLE ${table} SET (autovacuum_enabled = off)`)
        .join('; '),
    )
    if (!of) return
    await client.query(filled(of))
    if (wasDrained) await client.query(`${drain}; ${filled(of)}`)
  })
  after(async () => {
    await client.end()
    await dropSchema(await at(), schema)
  })
}

suite('the plans of PostgreSQL', () => {
  withTables(counts)
  const hot = hotOf(statements, { from: finishedCount + 1, count: 100 })
  for (const one of hot) {
    test(`${one[0]} reads by an index, of a table that the server has never looked at`, () =>
      check(one))
  }
  test('of a tag that many have the live ones are found, and no others', async () => {
    const sql = statements.filterSql({ tag: 'everyone', task: 'work' })
    const { rows } = await client.query(statements.matchRuns(sql), [...matchParams(sql)])
    assert.equal(rows.length, counts.liveCount + 2 * counts.idleCount)
    assert.equal(rows.length, new Set(rows.map(({ seq }: { seq: unknown }) => seq)).size)
  })
  test('and of a table that it knows', async () => {
    // Only these tables: ANALYZE alone takes in those of every test that shares the database.
    await client.query(`ANALYZE ${looked.replace('nodes, ', '')}`)
    for (const one of hot) await check(one)
  })
})

const manyOf = (): Hot => hotOf(statements, { from: young.finishedCount + 1, count: 1000 })

/** That it reads no table over and over, once for each set. */
function checkMany(name: string, nodes: readonly Node[]): void {
  for (const node of nodes) {
    const count = wasted(node)
    assert.ok(count <= 50_000, `${name}: ${node['Node Type']} throws ${count} rows away`)
  }
}

async function checkNow(): Promise<void> {
  for (const [name, text, values] of manyOf()) {
    for (const mode of ['force_custom_plan', 'force_generic_plan']) {
      await client.query(`SET plan_cache_mode = ${mode}`)
      checkMany(`${name} (${mode})`, await planNow(text, values))
    }
  }
}

function plansOfMany(server: string, at: () => Promise<string>): void {
  suite(`the plans of ${server} for a table that is young`, () => {
    withTables(young, { at })
    test('none reads it over and over', checkNow)
  })

  suite(`the plans of ${server} for a table that was empty when it was last looked at`, () => {
    withTables(young, { wasDrained: true, at })
    test('none reads it over and over', checkNow)
  })

  suite(`the plans that a connection to ${server} keeps`, () => {
    withTables(null, { at })
    const few = { finishedCount: 5, liveCount: 20, idleCount: 20 }
    const starts: Readonly<Record<string, string>> = {
      'of an empty table': '',
      'of a table with a few rows that the server has looked at': `${filled(few)}; ANALYZE ${looked}`,
    }
    for (const [what, start] of Object.entries(starts))
      test(`and has made ${what} are good for a full one`, async () => {
        await client.query(`DEALLOCATE ALL; ${sessionSettings}; ${emptied}; ${start}`)
        const named = manyOf().map((one, at) => [...one, `hot_${at}`] as const)
        for (const [, text, values, as] of named) {
          await prepare(as, text)
          await planOf(as, values)
        }
        await client.query(`${emptied}; ${filled(young)}`)
        for (const [name, , values, as] of named) {
          const nodes = await planOf(as, values)
          checkMany(name, nodes)
          const scanned = nodes.find(isScan)
          assert.equal(scanned, undefined, `${name} reads all of ${scanned?.['Relation Name']}`)
        }
      })
  })
}

plansOfMany('PostgreSQL', testDatabase)
// Planners differ from version to version.
if (systemBinaries()) {
  let server: PostgresServer | null = null
  plansOfMany('the PostgreSQL of the system', async () => {
    server ??= await PostgresServer.make({ binaries: 'system' })
    return server.url
  })
  after(() => server?.[Symbol.asyncDispose]())
}
