/** An ordinary database for tests: the one that is given, or a server of our own. */
import { randomBytes } from 'node:crypto'
import { Client, escapeIdentifier } from 'pg'
import { PostgresServer } from './postgres-server.ts'

let own: Promise<PostgresServer> | null = null

/**
 * The URL of the database that tests share: `DATABASE_URL`, which `npm test` sets for all files (`global-setup.ts`), or
 * that of a server of this process's own, which ends with the process.
 *
 * @throws where no PostgreSQL can be started; a test must not pass for want of a database.
 */
export async function testDatabase(): Promise<string> {
  const given = process.env['DATABASE_URL']
  if (given) return given
  own ??= makeServer()
  return (await own).url
}

/** The PostgreSQL from npm where it runs, else the system's. */
export async function makeServer(): Promise<PostgresServer> {
  const errors: unknown[] = []
  for (const binaries of ['embedded', 'system'] as const) {
    try {
      return await PostgresServer.make({ binaries })
    } catch (error) {
      errors.push(error)
    }
  }
  const advice = 'no PostgreSQL for the tests: install one, or set DATABASE_URL'
  throw new AggregateError(errors, `${advice}\n${errors.map(String).join('\n')}`)
}

/** A name for the schema of one test, which nobody else has. */
export function freshSchema(prefix = 'test'): string {
  return `${prefix}_${randomBytes(8).toString('hex')}`
}

/** Drops a schema and all that is in it; nothing where it is not there. */
export async function dropSchema(url: string, schema: string): Promise<void> {
  await ask(url, `DROP SCHEMA IF EXISTS ${escapeIdentifier(schema)} CASCADE`)
}

/** Runs statements, several if need be, on a connection of their own. */
export async function runSql(url: string, sql: string): Promise<void> {
  const client = new Client(url)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** Asks on a connection of its own, and answers the column `answer` of the first row. */
export async function ask(url: string, sql: string): Promise<unknown> {
  const client = new Client(url)
  await client.connect()
  try {
    const { rows } = await client.query<{ answer: unknown }>(sql)
    return rows[0]?.answer
  } finally {
    await client.end()
  }
}
