/** The description of what an operation may be told: the command line and the schemas are both read from it. */

/**
 * The kind of a value.
 *
 * - `texts`: a list; on the command line the option may be given several times.
 * - `instant`: ISO 8601, or epoch ms.
 * - `moment`: an instant, or a duration from now.
 * - `pairs`: an object; on the command line `path=value`, which may be given several times.
 * - `flag`: on the command line it is given or not.
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
  /** One line of help. */
  readonly about: string
  /** Whether it has to be given; default false. */
  readonly isRequired?: true
  /** The only words that are taken; default: any text. */
  readonly choices?: readonly string[]
  /** For `texts`: whether one text alone stands for a list of it; default false. */
  readonly takesOne?: true
  /** The name of the command-line option, where it differs: `tag` for `tags`, which is given several times. */
  readonly singular?: string
  /** For `text`: the least and the greatest number of characters. */
  readonly length?: readonly [least: number, most: number]
  /** For `whole-number`: the least and the greatest value. */
  readonly range?: readonly [least: number, most: number]
  /** The name of a parameter that cannot be given beside this one. */
  readonly excludes?: string
}

/** Parameters by their names. */
export type Parameters<Names extends string = string> = Readonly<Record<Names, Parameter>>
