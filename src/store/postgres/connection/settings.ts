/**
 * The settings of a session on which statements rely.
 *
 * A role, a database or a connection may have settings of its own (`ALTER ROLE … SET`), and some change what a statement does. On a
 * connection of ours they are set once. Elsewhere they stand in each transaction, for a pooler may hand its connection to anybody
 * afterwards, and the connection of a caller's pool is the caller's. A statement that is alone there brings no settings along, so it is
 * written such that it does the same with any of them, or does nothing where it can't.
 */

const lockMs = 2000
const idleMs = 10_000

/**
 * The settings that change what statements do: without `array_nulls` a null in a list is taken for the word NULL; with the others a
 * comparison with null holds, names in the definitions of tables are in quotes, and the first error ends the session.
 */
const meanings = {
  array_nulls: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
  exit_on_error: 'off',
} as const
const meaningNames = Object.keys(meanings) as (keyof typeof meanings)[]

/**
 * The limits of a transaction, two settings of the planner, and the settings that change what statements do. No statement of ours is
 * worth compiling (7 ms), which the planner would do for a claim among a million runs. No statement of ours should read a table from
 * end to end; but the planner does so where the table is small, and stays with that plan while it grows (a claim among 10,000 took 8 ms
 * instead of 3).
 */
const settings = (set: string): string =>
  [
    `${set} lock_timeout = ${lockMs}; ${set} idle_in_transaction_session_timeout = ${idleMs}`,
    `${set} jit = off; ${set} enable_seqscan = off`,
    ...meaningNames.map((name) => `${set} ${name} = ${meanings[name]}`),
  ].join('; ')

/**
 * The settings that a connection can keep from one transaction to the next. With them plans hold for any parameters; else the server
 * would plan a claim or an enqueue anew each time (100 us), because it takes the plan for a list of one to be cheaper. Statements that
 * are alone get the isolation that transactions of ours have.
 */
export const sessionSettings = `${settings('SET')}; SET plan_cache_mode = force_generic_plan; SET default_transaction_isolation = 'read committed'`

/** The beginning of a transaction on a connection that has the settings. */
export const begin = 'BEGIN ISOLATION LEVEL READ COMMITTED'
/** The beginning of a transaction on a connection that may have any. */
export const beginWithSettings = `${begin}; ${settings('SET LOCAL')}`

/** Reads the settings that change what statements do. */
export const readMeanings = `SELECT ${meaningNames.map((name) => `current_setting('${name}') AS ${name}`).join(', ')}`

/** Two statements: the one makes settings such that our statements can rely on them, the other one makes them as they were. */
export interface Change {
  readonly make: string
  readonly undo: string
}

/** The statements for a transaction of the caller's. @param found the answer to `readMeanings`. @returns null where nothing is to be changed. */
export function changeOf(found: Readonly<Record<string, unknown>> | undefined): Change | null {
  const odd = meaningNames.filter((name) => found?.[name] !== meanings[name])
  if (odd.length === 0) return null
  const set = (valueOf: (name: keyof typeof meanings) => string): string =>
    `SELECT ${odd.map((name) => `set_config('${name}', '${valueOf(name)}', true)`).join(', ')}`
  return {
    make: set((name) => meanings[name]),
    undo: set((name) => (meanings[name] === 'on' ? 'off' : 'on')),
  }
}
