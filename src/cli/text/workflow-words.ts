/** The facts of a workflow, in words. */
import type { Workflow, WorkflowStatus } from '../../client/views/workflow-view.ts'
import { humanDuration } from '../../core/duration.ts'
import type { ErrorRecord } from '../../core/errors.ts'
import type { StopRecord } from '../../core/run/stop.ts'
import { answerWords, type CameTo } from './answers.ts'
import { brief, dateTime, plain, style } from './output.ts'
import { ago, errorWords, stopWords, whoAndWhy } from './words.ts'
import type { StepFailure } from '../../core/run/settled.ts'

const colours = {
  running: 'blue',
  waiting: 'yellow',
  pausing: 'yellow',
  paused: 'yellow',
  cancelling: 'yellow',
  'rolling back': 'yellow',
  completed: 'green',
  failed: 'red',
  cancelled: 'yellow',
} as const satisfies Record<WorkflowStatus, string>

/** The status of a workflow in its colour. */
export const workflowWord = (status: WorkflowStatus): string => style(colours[status], status)

type Fact = readonly [name: string, value: string | null]

/** @param now the store's time. */
export function workflowLines(flow: Workflow, now: number): string[] {
  const facts: readonly Fact[] = [
    ['name', flow.name && plain(flow.name)],
    ['key', flow.key && plain(flow.key)],
    ['tags', flow.tags.length === 0 ? null : flow.tags.map(plain).join(', ')],
    ['priority', flow.priority === 0 ? null : String(flow.priority)],
    ['started', `${dateTime(flow.createdAt)}, ${ago(flow.createdAt, now)}`],
    ['runs', countWords(flow)],
    ['paused', flow.paused && pausedWords(flow.paused)],
    ['asked', flow.stop && `${flow.stop.verb}${whoAndWhy(flow.stop)}`],
    ['roll-back', flow.rollback && rollbackWords(flow.rollback)],
    ['ended', flow.finishedAt === null ? null : endedWords(flow, flow.finishedAt)],
    ['result', flow.result === undefined ? null : brief(flow.result, 2000)],
    ['failure', flow.failure && failureWords(flow.failure)],
    ['retry of', flow.retryOf && `${plain(flow.retryOf)}${fromWords(flow)}`],
    ['retried by', flow.retriedBy],
    ['waits for', flow.waitsFor && `the end of workflow ${plain(flow.waitsFor)}`],
  ]
  const lines = facts.flatMap(([name, value]) =>
    value === null ? [] : [`  ${name.padEnd(12)}${value}`],
  )
  return [`${workflowWord(flow.status)}  ${plain(flow.id)}`, ...lines]
}

const fromWords = ({ retryFrom }: Workflow): string =>
  retryFrom === null ? '' : `, from node ${retryFrom}`

function countWords({ total, counts, detached }: Workflow): string {
  const all = Object.entries({ ...counts, detached }).filter(([, count]) => count > 0)
  return `${total}: ${all.map(([state, count]) => `${count} ${state}`).join(', ') || 'none'}`
}

function pausedWords({ at, until, ...who }: NonNullable<Workflow['paused']>): string {
  return `since ${dateTime(at)}${whoAndWhy(who)}${until === null ? '' : `, until ${dateTime(until)}`}`
}

function rollbackWords({ total, done, failed }: NonNullable<Workflow['rollback']>): string {
  return `${done} of ${total}${failed === 0 ? '' : `, ${failed} failed`}`
}

function endedWords({ createdAt }: Workflow, finishedAt: number): string {
  return `${dateTime(finishedAt)}, ${humanDuration(finishedAt - createdAt)} after its start`
}

/** Which step did not complete, and why. */
export function failureWords({ task, runId, state, error, stop }: StepFailure): string {
  const who = task === null ? '' : `${plain(task)} `
  const run = runId === null ? '' : ` (run ${plain(runId)})`
  const why = error ? `: ${errorWords(error as ErrorRecord)}` : ''
  const how = stop && 'mode' in (stop as StopRecord) ? `: ${stopWords(stop as StopRecord)}` : ''
  return `${who}${state}${run}${why}${how}`
}

interface Answered {
  readonly verb: string
  readonly workflow: Workflow | null
}

/** Tells the meaning of a workflow's answer to a verb. */
export function workflowAnswerWords(answer: CameTo, { verb, workflow }: Answered): string {
  if (answer === 'not-found') {
    const isStop = verb !== 'pause' && verb !== 'resume'
    return `no such workflow${isStop ? `; the ${verb} waits for it` : ''}`
  }
  if (answer === 'requested') return 'on record'
  if (answer === 'too-late' && workflow) return `it had ended: ${workflow.state}`
  const isOver = answer === 'stopped' || answer === 'paused'
  if (isOver && workflow) return countWords(workflow)
  return answerWords[answer] ?? ''
}
