import {
  type Migrated,
  type MigrateOptions,
  migrateStore,
  openStore,
  type StoreOptions,
  type StorePlace,
} from '../store/open.ts'
import { Client, type ClientOptions } from './client.ts'

export { isPostgresUrl, schemaIn, shownUrl } from '../store/open.ts'
export type { Migrated, MigrateOptions, StorePlace }
export type ConnectOptions = ClientOptions & StoreOptions

/**
 * Opens the store that a URL names, and makes it where it does not exist: `sqlite:work.db`,
 * `postgres://user:password@host:5432/database`; or that of a `pg.Pool` of the caller's.
 * @throws {CheckreinError} `STORE_…`, `SCHEMA_…`, `SQLITE_UNSAFE`.
 */
export async function connect(place: StorePlace, options: ConnectOptions = {}): Promise<Client> {
  return new Client(await openStore(place, options), options)
}

/**
 * Makes the tables of a store, or brings them up to date; does nothing where they are. `connect` does the same unless it is
 * told `migrate: false`: this is for those who keep the right to change tables apart.
 * @throws {CheckreinError} `SCHEMA_IN_USE` where workers run that a migration does not work with; as `connect`.
 */
export async function migrate(
  place: StorePlace,
  options: ConnectOptions & MigrateOptions = {},
): Promise<Migrated> {
  return migrateStore(place, options)
}
