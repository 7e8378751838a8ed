/** The meaning of an error code for each audience: the words, the HTTP status, the CLI exit code, and whether the same call may succeed later. */
export interface ErrorEntry {
  readonly message: string
  readonly http: number
  readonly exit: number
  readonly isRetryable: boolean
}

const entry = (message: string, http: number, exit: number): ErrorEntry => ({
  message,
  http,
  exit,
  isRetryable: false,
})

/** The same call may succeed later, unchanged. */
const passing = (message: string, http: number, exit: number): ErrorEntry => ({
  ...entry(message, http, exit),
  isRetryable: true,
})

/**
 * Every error that Checkrein raises, by code. Docs, CLI and tests read this table.
 * Exit codes follow `sysexits.h`: 64 usage, 65 data, 66 no input, 69 unavailable, 70 software, 73 can't create, 75 try again, 78 configuration.
 */
export const errorCodes = {
  // what the caller handed in
  USAGE: entry('The call is not well formed', 400, 64),
  INPUT_REJECTED: entry('The input does not fit the schema of the task', 422, 65),
  PAYLOAD_NOT_JSON: entry('The value cannot be stored as JSON', 400, 65),
  PAYLOAD_TOO_LARGE: entry('The value is larger, or nested deeper, than the limit', 413, 65),
  RUN_NOT_FOUND: entry('There is no such run', 404, 66),
  RUN_ID_TAKEN: entry('A different run has this id already', 409, 65),
  CHILD_UNKNOWN: entry('The run is not a child of this run', 404, 65),
  BY_REQUIRED: entry('The request does not say who makes it', 400, 64),
  SIGNAL_REJECTED: entry('The task does not take this signal, or not with this payload', 422, 65),
  WORKFLOW_INVALID: entry('The workflow is not well formed', 400, 65),
  WORKFLOW_NOT_FOUND: entry('There is no such workflow', 404, 66),
  WORKFLOW_ACTIVE: entry('The workflow is still going on', 409, 75),
  // how a run ended
  RUN_FAILED: entry('The run failed', 200, 1),
  RUN_CANCELLED: entry('The run was cancelled', 200, 2),
  WORKFLOW_FAILED: entry('The workflow failed', 200, 1),
  WORKFLOW_CANCELLED: entry('The workflow was cancelled', 200, 2),
  RESULT_TIMEOUT: passing('The run has not ended in the time given', 504, 75),
  STOP_PENDING: passing('The stop is requested, but not confirmed yet', 504, 75),
  PAUSE_PENDING: passing('The pause is requested, but the run has not parked yet', 504, 75),
  // what became of a signal
  SIGNAL_TIMEOUT: passing('The signal has not been answered in the time given', 504, 75),
  SIGNAL_FAILED: entry('The handler could not deal with the signal', 200, 1),
  SIGNAL_UNHEARD: entry('The run ended before it had dealt with the signal', 200, 3),
  // why an attempt ended
  ATTEMPT_TIMEOUT: passing('The attempt ran past its time limit', 500, 70),
  ATTEMPT_CANCELLED: entry('The run was asked to stop', 500, 70),
  ATTEMPT_PAUSED: passing(
    'The run has parked at a checkpoint, or it waits without a slot',
    500,
    70,
  ),
  HEARTBEAT_TIMEOUT: passing('The attempt gave no sign of life for too long', 500, 70),
  ROLLBACK_MISSING: entry('The task has no rollback function', 500, 70),
  ATTEMPT_SHUTDOWN: passing('The worker is shutting down', 503, 70),
  LEASE_LOST: passing('The worker lost its lease', 503, 70),
  ISOLATE_EXITED: passing('The isolate of the attempt exited before the handler returned', 500, 70),
  WORKER_LOST: passing('The worker that held the run is gone', 500, 70),
  HANDLER_THREW: passing('The handler threw', 500, 70),
  // where tasks come from
  TASK_INVALID: entry('The task definition is not valid', 400, 78),
  TASK_UNKNOWN: entry('The modules that were loaded define no such task', 404, 66),
  TASK_MODULE_FAILED: entry('The task module could not be loaded', 500, 78),
  CONFIG_INVALID: entry('The configuration file is not valid', 400, 78),
  // the store
  STORE_URL: entry('The store URL is not understood', 400, 64),
  STORE_CORRUPT: entry('The database file is damaged, or it is not a SQLite database', 500, 70),
  STORE_READ_ONLY: entry('The database cannot be written', 500, 73),
  STORE_FULL: passing('The disk that holds the database is full', 507, 75),
  STORE_BUSY: passing('The database was locked by others for too long', 503, 75),
  STORE_UNAVAILABLE: passing('The database cannot be opened or reached', 503, 69),
  STORE_REPLACED: entry(
    'The database file was deleted, moved or replaced while it was open',
    503,
    69,
  ),
  STORE_CLOSED: entry('The client or worker is closed', 503, 70),
  STORE_FORBIDDEN: entry('The database user lacks a right', 500, 77),
  STORE_UNSUPPORTED: entry('Checkrein does not work with this database server', 500, 78),
  SCHEMA_TOO_OLD: entry('The database was made by an older Checkrein', 500, 78),
  SCHEMA_TOO_NEW: entry('The database was made by a newer Checkrein', 500, 78),
  SCHEMA_IN_USE: passing('Workers are running that cannot work with the newer schema', 503, 75),
  SCHEMA_FOREIGN: entry('The database or its schema has tables of another program', 500, 78),
  SQLITE_UNSAFE: entry('This SQLite version can corrupt a database in WAL mode', 500, 78),
  PACKAGE_INCOMPLETE: entry('The files of Checkrein are not where its code is', 500, 78),
  // our own defects
  INTERNAL: entry('Checkrein met a state that it does not expect', 500, 70),
} as const satisfies Record<string, ErrorEntry>

/** The code of an error that Checkrein raises. */
export type ErrorCode = keyof typeof errorCodes

/** The parts of a new error; each has a default. */
export interface ErrorInit {
  /** One sentence that says what happened; default: the message of the code in `errorCodes`. */
  readonly message?: string
  /** A sentence that says what the reader can do about it. */
  readonly hint?: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

const brand = Symbol.for('checkrein.error')

/** The one base class of every error that Checkrein raises; tell them apart by `code`. */
export class CheckreinError extends Error {
  override readonly name: string = 'CheckreinError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, init: ErrorInit = {}) {
    const message = init.message ?? errorCodes[code].message
    super(message, init.cause === undefined ? undefined : { cause: init.cause })
    this.code = code
    this.hint = init.hint
    this.details = init.details ?? {}
    Object.defineProperty(this, brand, { value: true })
  }

  /** Whether the same call may succeed later, unchanged. */
  get isRetryable(): boolean {
    return errorCodes[this.code].isRetryable
  }

  toJSON(): Record<string, unknown> {
    const { code, message, hint, details } = this
    return { code, message, ...(hint === undefined ? {} : { hint }), details }
  }
}

/** Whether a value is an error of ours, also when it comes from another copy of the package or another thread. */
export function isCheckreinError(value: unknown): value is CheckreinError {
  return bears(brand, value)
}

/** Whether a value has the mark. Never throws: a handler may throw a proxy that refuses to be asked. */
function bears(mark: symbol, value: unknown): boolean {
  try {
    return typeof value === 'object' && value !== null && mark in value
  } catch {
    return false
  }
}

/** A value as it stands in the message of an error: its JSON, or its text where it has none. */
export function shown(value: unknown): string {
  try {
    return JSON.stringify(value) ?? typeof value
  } catch {
    return typeof value === 'bigint' ? `${value}n` : typeof value
  }
}

const neverRetry = Symbol.for('checkrein.non-retryable')

/** Thrown by a handler to say: no further attempt can help. The run ends `failed` at once. */
export class NonRetryableError extends Error {
  override readonly name: string = 'NonRetryableError'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    Object.defineProperty(this, neverRetry, { value: true })
  }
}

/** Whether a value is a `NonRetryableError`, also one from another copy of the package or another thread. Never throws. */
export function isNonRetryable(value: unknown): boolean {
  return bears(neverRetry, value)
}

/** An error as it is stored with a run and sent between processes. */
export interface ErrorRecord {
  readonly name: string
  readonly message: string
  /** An `ErrorCode`, or whatever `code` the handler's own error had (`ENOENT`, `11000`). */
  readonly code: string
  readonly hint?: string
  readonly stack?: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly cause?: ErrorRecord
  /** The errors of which this one is made, as those of an `AggregateError`; the first eight. */
  readonly errors?: readonly ErrorRecord[]
}

/** The error that a record was made of; `INTERNAL` where its code is none of ours. */
export function errorFrom({ code, message, hint, details }: ErrorRecord): CheckreinError {
  return new CheckreinError(Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : 'INTERNAL', {
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
  })
}

/** The error of an attempt whose worker is gone. */
export const workerLost: ErrorRecord = {
  name: 'CheckreinError',
  message: errorCodes.WORKER_LOST.message,
  code: 'WORKER_LOST',
}
