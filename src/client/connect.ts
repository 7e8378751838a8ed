import { openStore, type StoreOptions } from '../store/open.ts'
import { Client, type ClientOptions } from './client.ts'

export type ConnectOptions = ClientOptions & StoreOptions

/**
 * Opens the store that a URL names, and makes it where it does not exist: `sqlite:work.db`.
 * @throws {CheckreinError} `STORE_…`, `SCHEMA_TOO_NEW`, `SQLITE_UNSAFE`.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Client> {
  return new Client(await openStore(url, options), options)
}
