/** An ordinary database for tests: the one that is given, or a server of our own. */
import { randomBytes } from 'node:crypto'
import { Client, escapeIdentifier, escapeLiteral } from 'pg'
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

/** Schemas that were used by tests of this process, and are empty again, by the URLs of their databases. */
const used = new Map<string, string[]>()

/** The name of a schema with nothing of anybody's in it; its tables may be there already, for it takes long to make them. */
export function emptySchema(url: string): string {
  return used.get(url)?.pop() ?? freshSchema()
}

/** Empties the tables of a schema for another test; where that can't be done at once it is dropped. */
export async function reuseSchema(url: string, schema: string): Promise<void> {
  const name = escapeLiteral(schema)
  try {
    await runSql(
      url,
      `SET LOCAL lock_timeout = 1000;
      DO $$ DECLARE one record; BEGIN
        FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = ${name} AND tablename <> 'migrations' LOOP
          EXECUTE format('DELETE FROM %I.%I', ${name}, one.tablename);
        END LOOP;
        FOR one IN SELECT sequencename FROM pg_sequences WHERE schemaname = ${name} LOOP
          EXECUTE format('ALTER SEQUENCE %I.%I RESTART', ${name}, one.sequencename);
        END LOOP;
      END $$`,
    )
    used.set(url, [...(used.get(url) ?? []), schema])
  } catch {
    await dropSchema(url, schema)
  }
}

/** Drops what is kept for other tests. */
export async function dropUsedSchemas(): Promise<void> {
  const all = [...used]
  used.clear()
  for (const [url, schemas] of all) for (const schema of schemas) await dropSchema(url, schema)
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
