/** The outcome of a verb, as scripts and people see it. */
import { type ErrorCode, errorCodes } from '../../core/errors.ts'
import type { Controlled } from '../../store/store.ts'
import { style } from './output.ts'

/** The run had ended by itself. */
export const tooLateCode = 3
/** It was stopped, but what it did is not undone: its roll-back failed, or was given up. */
export const notUndoneCode = 5

/** The first answer of a run, or its outcome: `pending` where the outcome was not seen in time. */
export type CameTo = Controlled['answer'] | 'stopped' | 'pending'

/** The worst of the answers, as a script would see it; 0 where all is well. */
export function worstCode(
  answers: readonly CameTo[],
  pending: Extract<ErrorCode, `${string}_PENDING`>,
): number {
  if (answers.includes('pending') || answers.includes('held')) return errorCodes[pending].exit
  if (answers.includes('not-found')) return errorCodes.RUN_NOT_FOUND.exit
  return answers.includes('too-late') ? tooLateCode : 0
}

const wellAnswers: readonly CameTo[] = ['stopped', 'paused', 'already-paused', 'moved', 'resumed']

/** An answer in its colour: green where what was asked is true now, yellow elsewhere. */
export function styledAnswer(answer: CameTo): string {
  return style(wellAnswers.includes(answer) ? 'green' : 'yellow', answer)
}

/** The meaning of an answer, where its name does not say it. */
export const answerWords: Readonly<Partial<Record<CameTo, string>>> = {
  requested: 'on record; the run is still running',
  'too-late': 'it had ended by itself',
  'already-cancelled': 'it was stopped before',
  moved: 'it was paused already; the pause has another end now',
  'not-paused': 'it was not paused',
  held: 'it stays where it is',
  pending: 'not confirmed yet; the request is on record and will be carried out',
  'not-found': 'no such run',
}
