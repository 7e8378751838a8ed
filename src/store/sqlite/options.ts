/** How a store in a file is opened. */
/**
 * How safe a commit is: `normal` survives every crash of processes, but a loss of power may take the last commits; `full` survives that
 * too, at a sixth of the speed.
 */
export type Durability = 'normal' | 'full'

/** How a store in a file is opened. */
export interface SqliteOptions {
  /** Whether a store that does not exist yet is made; default true. */
  readonly create?: boolean
  /** Whether a store that is not there, or is older, is made or brought up to date; default true. */
  readonly migrate?: boolean
  readonly durability?: Durability
  /** How long a write may be refused by other writers before it fails with `STORE_BUSY`; default 30 s. */
  readonly busyMs?: number
  /** Epoch ms, also for leases; for tests. */
  readonly now?: () => number
}

/** The same, with what only `checkrein migrate` may ask for. */
export interface OpenOptions extends SqliteOptions {
  /** Whether the store may be made among the tables of another program; default false. */
  readonly mayShare?: boolean
}
