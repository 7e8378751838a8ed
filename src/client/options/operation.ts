/** What a row of the table of operations says. */
import type { ErrorCode } from '../../core/errors.ts'

/**
 * How a value is written in text.
 *
 * - `texts`: may be given several times.
 * - `instant`: ISO 8601, or epoch ms.
 * - `moment`: an instant, or a duration from now.
 * - `pairs`: `path=value`, may be given several times.
 * - `flag`: nothing; it is given or not.
 */
export type ValueKind =
  | 'text'
  | 'texts'
  | 'whole-number'
  | 'duration'
  | 'instant'
  | 'moment'
  | 'pairs'
  | 'flag'

/** One named value that an operation takes. */
export interface Parameter {
  readonly kind: ValueKind
  readonly about: string
  readonly choices?: readonly string[]
  /** What it is called where it may be given several times: `tag` for `tags`. */
  readonly singular?: string
}

export type Parameters<Names extends string = string> = Readonly<Record<Names, Parameter>>

/** What an operation is about. */
export type Subject =
  /** A task by its name, and an input. */
  | 'task'
  /** A run by its id. */
  | 'run'
  /** Runs by their ids, by the key that one holds, or by a filter. */
  | 'runs'
  /** All runs that fit a filter. */
  | 'filter'
  /** Runs that there are and that come, by the parts of a filter that never change. */
  | 'hold'
  /** A workflow, by its id. */
  | 'workflow'
  /** A request, by the id of its call. */
  | 'call'
  /** A tombstone, by its id or its task and key. */
  | 'tombstone'
  | 'nothing'

export interface Operation {
  /** One line of help. */
  readonly summary: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** HTTP path; `{id}` stands for the subject. */
  readonly path: string
  /** The command of the CLI that offers it: one word, or two for a command of a command. */
  readonly command: string
  readonly subject: Subject
  readonly options: Parameters
  /** Besides those of the store, which any operation may raise. */
  readonly errors: readonly ErrorCode[]
  /** A command line. */
  readonly example: string
}
