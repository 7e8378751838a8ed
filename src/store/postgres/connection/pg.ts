/** The part of `pg` that Checkrein uses, described here because its own types are a package apart. */
import { CheckreinError } from '../../../core/errors.ts'

/** One query as `pg` takes it; with a `name`, the connection keeps the plan of the statement. */
export interface PgQuery {
  readonly text: string
  readonly values?: readonly unknown[]
  readonly name?: string
  readonly types?: { getTypeParser(oid: number): (text: string) => unknown }
  /** How long the client waits for the answer, ms; default for ever. */
  readonly query_timeout?: number
}

/** The result of one statement: its command, such as `COMMIT`, and its rows. */
export interface PgResult {
  readonly command: string
  readonly rows: readonly Record<string, unknown>[]
}

/** A connection of `pg`. */
export interface PgClient {
  unref?(): void
  /** A text without values may hold several statements; then the results come as an array. */
  query(query: PgQuery): Promise<PgResult | readonly PgResult[]>
  on(event: 'notification', listener: (message: { payload?: string }) => void): unknown
  on(event: 'error' | 'end', listener: (error?: Error) => void): unknown
  removeListener(event: 'error', listener: (error?: Error) => void): unknown
}

/** A connection that was borrowed from a pool, and is given back with `release`. */
export interface PgPoolClient extends PgClient {
  /** @param error destroys the connection instead of keeping it. */
  release(error?: Error | boolean): void
}

/** A `pg.Pool`, or anything that behaves as one. It stays open when the store is closed. */
export interface PgPool {
  /** Gives a client of `pg`. */
  connect(): Promise<unknown>
}

/** A `pg.Pool` that the store has made, and ends. */
export interface OwnPgPool extends PgPool {
  connect(): Promise<PgPoolClient>
  on(event: 'error', listener: (error: Error) => void): unknown
  /** A connection was made, and is about to be handed out for the first time. */
  on(event: 'connect', listener: (client: PgClient) => void): unknown
  end(): Promise<void>
}

/** A connection that is in no pool. */
export interface OwnPgClient extends PgClient {
  connect(): Promise<unknown>
  end(): Promise<void>
}

interface PgModule {
  readonly default: {
    readonly Pool: new (config: Record<string, unknown>) => OwnPgPool
    readonly Client: new (config: Record<string, unknown>) => OwnPgClient
  }
}

/** Loads the package `pg`, which users install beside Checkrein. @throws {CheckreinError} `STORE_UNAVAILABLE` where it is not there. */
export async function loadPg(): Promise<PgModule['default']> {
  try {
    return ((await import('pg')) as unknown as PgModule).default
  } catch (cause) {
    throw new CheckreinError('STORE_UNAVAILABLE', {
      message: 'The package pg, which speaks with PostgreSQL, cannot be loaded',
      hint: 'Install it beside checkrein: npm install pg',
      cause,
    })
  }
}
