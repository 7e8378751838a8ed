import { openStore, type StoreOptions, type StorePlace } from '../store/open.ts'
import { Client, type ClientOptions } from './client.ts'

export type { StorePlace }
export type ConnectOptions = ClientOptions & StoreOptions

/**
 * Opens the store that a URL names, and makes it where it does not exist: `sqlite:work.db`,
 * `postgres://user:password@host:5432/database`; or that of a `pg.Pool` of the caller's.
 * @throws {CheckreinError} `STORE_…`, `SCHEMA_…`, `SQLITE_UNSAFE`.
 */
export async function connect(place: StorePlace, options: ConnectOptions = {}): Promise<Client> {
  return new Client(await openStore(place, options), options)
}
