/** What a user of the database must be allowed, by what it is for; docs/postgres.md has the same as GRANTs, and a test tries each. */
import type { Finding } from '../store.ts'
import type { Session } from './session.ts'

type Right = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE'
type Rights = Readonly<Record<string, readonly Right[]>>

const all: readonly Right[] = ['SELECT', 'INSERT', 'UPDATE', 'DELETE']

/** By table. From the least to the most. */
const roles: Readonly<Record<'producer' | 'operator' | 'worker', Rights>> = {
  producer: {
    migrations: ['SELECT'],
    runs: ['SELECT', 'INSERT'],
    tags: ['SELECT', 'INSERT'],
    feed: ['SELECT', 'INSERT'],
    tombstones: ['SELECT', 'DELETE'],
  },
  operator: {
    migrations: ['SELECT'],
    runs: ['SELECT', 'UPDATE'],
    tags: ['SELECT'],
    feed: ['SELECT', 'INSERT'],
    workers: ['SELECT'],
    tombstones: all,
  },
  worker: {
    migrations: ['SELECT'],
    runs: all,
    tags: all,
    feed: all,
    workers: all,
    tombstones: all,
  },
}
