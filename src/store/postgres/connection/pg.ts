/** What we use of `pg`, as far as it is used: its own types are a package apart. */
import { CheckreinError } from '../../../core/errors.ts'

export interface PgQuery {
  readonly text: string
  readonly values?: readonly unknown[]
  readonly name?: string
  readonly types?: { getTypeParser(oid: number): (text: string) => unknown }
  /** Ms. */
  readonly query_timeout?: number
}

export interface PgResult {
  readonly command: string
  readonly rows: readonly Record<string, unknown>[]
}

export interface PgClient {
  unref?(): void
  /** A text without values may hold several statements; then the results come as an array. */
  query(query: PgQuery): Promise<PgResult | readonly PgResult[]>
  on(event: 'notification', listener: (message: { payload?: string }) => void): unknown
  on(event: 'error' | 'end', listener: (error?: Error) => void): unknown
  removeListener(event: 'error', listener: (error?: Error) => void): unknown
}

export interface PgPoolClient extends PgClient {
  /** @param error destroys the connection instead of keeping it. */
  release(error?: Error | boolean): void
}

/** A `pg.Pool`, or anything that behaves as one. It stays open when the store is closed. */
export interface PgPool {
  /** Gives a client of `pg`. */
  connect(): Promise<unknown>
}

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

/** @throws {CheckreinError} `STORE_UNAVAILABLE` where the package is not there. */
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
