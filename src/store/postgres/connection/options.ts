import { CheckreinError } from '../../../core/errors.ts'
import { hostUrls } from './hosts.ts'

/** How a store on PostgreSQL is opened. */
export interface PostgresOptions {
  /** The schema that holds the tables: 1 to 48 ASCII letters, digits and underscores, no digit first; default the `?schema=` of the URL, or `checkrein`. */
  readonly schema?: string
  /** A direct connection for LISTEN, where the URL names a pooler that hands out connections by transaction. */
  readonly listenUrl?: string
  /** The most connections, of which one may listen; one more renews the lease of a worker. Default 4. */
  readonly connections?: number
  /** Whether a schema that is not there, or is older, is made or brought up to date; default true. */
  readonly migrate?: boolean
  /** How long a connection may give no answer until it is given up; default 5 s. */
  readonly answerMs?: number
  /** How long a call is tried again where the database cannot be reached, until it fails with `STORE_UNAVAILABLE`; default 15 s. */
  readonly patienceMs?: number
  /** How often changes are looked for where nothing can LISTEN; default 200 ms. */
  readonly lookMs?: number
}

/** The options of a store on PostgreSQL after they were checked, with their defaults filled in; times are in ms. */
export interface PostgresSettings {
  readonly schema: string
  readonly listenUrl: string | null
  readonly connections: number
  readonly answerMs: number
  readonly patienceMs: number
  readonly lookMs: number
}

/** Checks the options, and fills in their defaults. @throws {CheckreinError} `USAGE`, `STORE_URL`. */
export function postgresSettings(options: PostgresOptions): PostgresSettings {
  const { schema = 'checkrein', listenUrl = null, connections = 4 } = options
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,47}$/.test(schema)) {
    const hint =
      'Allowed are ASCII letters, digits and underscores, at most 48 characters, and no digit first: `checkrein_eu2`. Capitals are kept as they are.'
    throw new CheckreinError('USAGE', {
      message: `${JSON.stringify(schema)} cannot be the name of a schema`,
      hint,
    })
  }
  if (!Number.isInteger(connections) || connections < 2) {
    throw new CheckreinError('USAGE', { message: 'connections must be a whole number from 2' })
  }
  if (listenUrl !== null) hostUrls(listenUrl)
  const { answerMs = 5000, patienceMs = 15_000, lookMs = 200 } = options
  return { schema, listenUrl, connections, answerMs, patienceMs, lookMs }
}
