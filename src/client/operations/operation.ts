/** The form of a row of the table of operations. */
import type { ErrorCode } from '../../core/errors.ts'
import type { Parameters } from '../options/parameter.ts'
import type { AnswerName } from '../schemas/answers.ts'
import type { SubjectName } from './subjects.ts'

/** One operation. */
export interface Operation {
  /** One line of help. */
  readonly summary: string
  readonly method: 'GET' | 'POST'
  /** The HTTP path; `{id}` stands for the member `id` of the input. Nothing of a request need stand in the body of a `GET`. */
  readonly path: string
  /** The command of the command line that offers the operation: one word, or two for a command of a command. */
  readonly command: string
  /** The things that the operation is about: see `subjects`. */
  readonly subject: SubjectName
  /** The options of the operation, besides its subject. */
  readonly options: Parameters
  /** The name of the answer: see `answers` in `schemas/answers.ts`. */
  readonly answers: AnswerName
  /** Whether the operation goes on answering until it is told to stop; default false. */
  readonly isStream?: true
  /** The codes of the errors that the operation may raise, besides those of the store, which any may raise. */
  readonly errors: readonly ErrorCode[]
  /** A command line, as an example. */
  readonly example: string
}
