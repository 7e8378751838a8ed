import type { BackedUp, Migrated, MigrateOptions, StoreOptions, StorePlace } from '../store/open.ts'
import { Client, type ClientOptions } from './client.ts'
import { refuseUnknownOptions } from './options/unknown-options.ts'

export { isPostgresUrl, schemaIn, shownUrl } from '../store/place.ts'
export type { BackedUp, Migrated, MigrateOptions, StorePlace }
/** The options of `connect`: of the client, and of the store that it opens. */
export type ConnectOptions = ClientOptions & StoreOptions

/** Loaded when it is needed: an isolate, whose modules define tasks and import all of this, starts some 50 ms sooner. */
const loadStores = (): Promise<typeof import('../store/open.ts')> => import('../store/open.ts')

/**
 * Opens the store that a URL names, and makes it where it does not exist: `sqlite:work.db`,
 * `postgres://user:password@host:5432/database`; or that of a `pg.Pool` of the caller's.
 * @throws {CheckreinError} `STORE_…`, `SCHEMA_…`, `SQLITE_UNSAFE`.
 */
export async function connect(place: StorePlace, options: ConnectOptions = {}): Promise<Client> {
  refuseUnknownOptions('connect', options, optionNames)
  const { openStore } = await loadStores()
  return new Client(await openStore(place, options), options)
}

const optionNames: Readonly<Record<keyof ConnectOptions, true>> = {
  by: true,
  requireBy: true,
  origin: true,
  payloadLimit: true,
  create: true,
  durability: true,
  busyMs: true,
  now: true,
  schema: true,
  listenUrl: true,
  connections: true,
  migrate: true,
  answerMs: true,
  patienceMs: true,
  lookMs: true,
}

/** Picks the options that are for `connect` from those of a call. */
export function connectOptionsIn(options: Readonly<Record<string, unknown>>): ConnectOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([name]) => Object.hasOwn(optionNames, name)),
  )
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
  const { migrateStore } = await loadStores()
  return migrateStore(place, options)
}

/**
 * Copies a SQLite store into a new file, as it stands at one moment, while workers and clients write to it. The copy is checked, which
 * holds this thread for as long as that takes (some seconds for a gigabyte): in the process of a worker, run `checkrein backup` instead.
 * @param file where there is no file yet.
 * @throws {CheckreinError} `USAGE` where there is one, or for a store on PostgreSQL, which has `pg_dump`; `STORE_…`.
 */
export async function backup(
  place: StorePlace,
  file: string,
  options: Pick<ConnectOptions, 'schema'> = {},
): Promise<BackedUp> {
  const { backupStore } = await loadStores()
  return backupStore(place, file, options)
}
