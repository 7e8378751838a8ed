import { fileURLToPath } from 'node:url'
import { resolve } from 'node:path'
import { CheckreinError } from '../core/errors.ts'
import { SqlStore } from './sql-store.ts'
import { SqliteDriver, type SqliteOptions } from './sqlite/driver.ts'
import type { Store } from './store.ts'

export type StoreOptions = SqliteOptions

/**
 * Opens the store that a URL names, and makes it where it does not exist: `sqlite:work.db`, `sqlite:/var/lib/work.db`.
 * @throws {CheckreinError} `STORE_URL` for a URL that names none; `STORE_…`, `SCHEMA_TOO_NEW`, `SQLITE_UNSAFE` where it cannot be opened.
 */
export async function openStore(url: string, options: StoreOptions = {}): Promise<Store> {
  return new SqlStore(await SqliteDriver.open(sqliteFile(url), options))
}

function sqliteFile(url: string): string {
  if (url.startsWith('file:')) return fileURLToPath(url)
  const file = /^sqlite:(?:\/\/(?=\/))?(.+)$/.exec(url)?.[1]
  if (file !== undefined && file !== ':memory:') return resolve(file)
  throw new CheckreinError('STORE_URL', {
    message: `${JSON.stringify(url)} does not name a store`,
    hint: "Use 'sqlite:work.db', 'sqlite:/var/lib/work.db'. A store is a file, so that other processes can reach it.",
    details: { url },
  })
}
