/** What `npm test` does once, before and after all files: see `--test-global-setup` of Node. */
import { makeServer } from './database.ts'
import type { PostgresServer } from './postgres-server.ts'

let server: PostgresServer | null = null

/** The files run in processes of their own, which inherit the variable. */
export async function globalSetup(): Promise<void> {
  if (process.env['DATABASE_URL']) return
  server = await makeServer()
  process.env['DATABASE_URL'] = server.url
}

export async function globalTeardown(): Promise<void> {
  await server?.[Symbol.asyncDispose]()
}
