/** The preview of a verb on a filter. */
import type { Answer } from '../../core/run/decision.ts'
import type { MachineEvent } from '../../core/run/events.ts'
import type { RunFilter } from '../../core/filter.ts'
import { byRequest, defaultGraceMs, defaultPauseMs } from '../../core/run/intent.ts'
import { decide } from '../../core/run/machine.ts'
import { freshFacts } from '../../core/run/run.ts'
import { isFinal, type State, states, stopVerbs } from '../../core/run/transitions.ts'
import { oneOf } from '../options/options.ts'

/** The verbs that can be previewed. */
export const previewVerbs = [...stopVerbs, 'pause', 'resume', 'signal'] as const
/** A verb that can be previewed. */
export type PreviewVerb = (typeof previewVerbs)[number]

/** @throws {CheckreinError} `USAGE`. */
export function checkedPreviewVerb(verb: PreviewVerb): PreviewVerb {
  return oneOf(previewVerbs, verb, 'verb')
}

/** The runs that a verb on a filter would be for, and their answers, counted. */
export interface Preview {
  readonly verb: PreviewVerb
  readonly filter: RunFilter
  /** How many runs it is for: those that are not final. */
  readonly totalCount: number
  /** How many there are of each state. */
  readonly counts: Readonly<Partial<Record<State, number>>>
  /** How many there would be of each answer, if nothing was asked of them before. */
  readonly answers: Readonly<Partial<Record<Answer, number>>>
}

interface Previewed {
  readonly verb: PreviewVerb
  readonly filter: RunFilter
  /** How many of its runs a hold or a paused workflow keeps from being resumed. */
  readonly kept: number
}

/** @param counted how many runs of the filter are in each state. */
export function previewOf(
  { verb, filter, kept }: Previewed,
  counted: Readonly<Record<State, number>>,
): Preview {
  const meant = states.filter((state) => !isFinal(state) && counted[state] > 0)
  const answers: Partial<Record<Answer, number>> = {}
  const add = (answer: Answer, count: number): void => {
    if (count > 0) answers[answer] = (answers[answer] ?? 0) + count
  }
  for (const state of meant)
    add(answerIn(state, verb), counted[state] - (state === 'paused' ? kept : 0))
  add('held', kept)
  return {
    verb,
    filter,
    totalCount: meant.reduce((sum, state) => sum + counted[state], 0),
    counts: Object.fromEntries(meant.map((state) => [state, counted[state]])),
    answers,
  }
}

const nobody = { reason: null, by: null }

/** The answer that the state machine gives to the verb for a fresh run in this state. */
function answerIn(state: State, verb: PreviewVerb): Answer {
  const paused = state === 'paused' ? { ...nobody, at: 0, ...byRequest } : null
  return decide({ ...freshFacts, state, paused }, eventOf(verb), 0).answer
}

function eventOf(verb: PreviewVerb): MachineEvent {
  switch (verb) {
    case 'pause': {
      const how = { withinMs: defaultPauseMs, otherwise: 'wait', parksIn: 'paused' } as const
      return { type: verb, ...nobody, ...how, resumeAt: null, ...byRequest }
    }
    case 'resume':
      return { type: verb, ...nobody, ...byRequest }
    case 'signal':
      return { type: verb, name: '', position: 0 }
    case 'revoke':
    case 'abort':
    case 'cancel':
    case 'terminate':
      return { type: verb, ...nobody, graceMs: defaultGraceMs }
  }
}
