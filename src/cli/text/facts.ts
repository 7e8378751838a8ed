/** The facts of a run, one to a line. */
import type { Paused, Run, WaitingFor } from '../../client/views/view.ts'
import { humanDuration } from '../../core/duration.ts'
import type { Hold } from '../../store/store.ts'
import { holdWords } from './hold-words.ts'
import { brief, dateTime, plain } from './output.ts'
import {
  ago,
  errorWords,
  progressWords,
  rollbackStates,
  rollbackWords,
  stopWords,
  whoAndWhy,
  pauserWords,
} from './words.ts'

/** @param now the store's time. @param heldBy what keeps it back in its queue. */
export function factLines(run: Run, now: number, heldBy: Hold | null): string[] {
  const held: Fact = ['held', heldBy && holdWords(heldBy)]
  const facts = [...identity(run), ...progress(run, now), held, ...reins(run), ...end(run)]
  return facts.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(12)}${value}`]))
}

type Fact = readonly [name: string, value: string | null]

function identity({ task, queue, key, tags, priority, input, ...run }: Run): readonly Fact[] {
  const { parent, retryOf } = run
  return [
    ['task', plain(task)],
    ['queue', plain(queue)],
    ['key', key === null ? null : plain(key)],
    ['tags', tags.length === 0 ? null : tags.map(plain).join(', ')],
    ['child of', parent],
    ['retry of', retryOf && plain(retryOf)],
    ['priority', priority === 0 ? null : String(priority)],
    ['input', input === undefined ? null : brief(input, 300)],
  ]
}

function progress(run: Run, now: number): readonly Fact[] {
  const { attempt, progress, checkpoint, checkpointAt, workerId } = run
  return [
    ['attempt', attempt === 0 ? 'none yet' : attemptWords(run)],
    ['progress', progress === undefined ? null : progressWords(progress)],
    [
      'checkpoint',
      checkpointAt === null ? null : `${brief(checkpoint, 200)}, ${ago(checkpointAt, now)}`,
    ],
    ['enqueued', `${dateTime(run.createdAt)}, ${ago(run.createdAt, now)}`],
    ['due', run.runAt === null ? null : dateTime(run.runAt)],
    ['expires', run.expiresAt === null || run.startedAt !== null ? null : dateTime(run.expiresAt)],
    ['deadline', run.deadlineAt === null ? null : dateTime(run.deadlineAt)],
    ['worker', workerId],
  ]
}

function reins({ waitingFor, waitsFor, paused, pausing, stopping }: Run): readonly Fact[] {
  return [
    ['waits for', waitingFor ? waitingWords(waitingFor) : waitsFor],
    ['paused', paused && pausedWords(paused)],
    [
      'pausing',
      pausing && pausedWords({ ...pausing, at: pausing.requestedAt, until: pausing.resumeAt }),
    ],
    ['asked', stopping && `${stopping.verb}${whoAndWhy(stopping)}`],
  ]
}

function end(run: Run): readonly Fact[] {
  const { result, error, stop, rollback, finishedAt, retriedAs = null } = run
  const { rollbackRetry = null } = run
  return [
    ['ended', finishedAt === null ? null : `${dateTime(finishedAt)}${tookWords(run)}`],
    ['result', result === undefined ? null : brief(result, 2000)],
    ['error', error && errorWords(error)],
    ['stop', stop && stopWords(stop)],
    ['roll-back', rollback && rollbackWords(rollback)],
    ['retried as', retriedAs && plain(retriedAs)],
    [
      'undone by',
      rollbackRetry && `${plain(rollbackRetry.id)}: ${rollbackStates[rollbackRetry.state]}`,
    ],
  ]
}

function attemptWords({ attempt, failures, crashes }: Run): string {
  const failed = failures === 0 ? '' : `, ${failures} failed`
  return `${attempt}${failed}${crashes === 0 ? '' : `, ${crashes} crashed`}`
}

function tookWords({ startedAt, finishedAt }: Run): string {
  if (startedAt === null || finishedAt === null) return ''
  return `, ${humanDuration(finishedAt - startedAt)} after the last attempt started`
}

function pausedWords({ at, until, ...paused }: Paused): string {
  const end = until === null ? '' : `, until ${dateTime(until)}`
  return `since ${dateTime(at)}${whoAndWhy(paused)}${pauserWords(paused)}${end}`
}

function waitingWords({ signal, runId, children, until }: WaitingFor): string {
  const runs = children === null ? `the run ${plain(runId ?? '')}` : `${children.length} children`
  const parts = [
    signal === null ? null : `the signal ${plain(signal)}`,
    runId === null ? null : runs,
    until === null ? null : dateTime(until),
  ]
  return parts.filter((part) => part !== null).join(', at most until ')
}
