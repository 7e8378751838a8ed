/** Runs, stops and events in words. */
import type { Run } from '../client/view.ts'
import { humanDuration } from '../core/duration.ts'
import type { ErrorRecord } from '../core/errors.ts'
import type { FeedEntry, FeedType } from '../core/events.ts'
import type { Status } from '../core/run.ts'
import type { ExitProof, StopRecord } from '../core/stop.ts'
import { brief, dateTime, plain, style } from './output.ts'

const colours = {
  scheduled: 'cyan',
  queued: 'cyan',
  running: 'blue',
  waiting: 'cyan',
  paused: 'yellow',
  pausing: 'yellow',
  cancelling: 'yellow',
  unresponsive: 'red',
  completed: 'green',
  failed: 'red',
  cancelled: 'yellow',
} as const satisfies Record<Status, string>

export function statusWord(status: Status): string {
  return style(colours[status], status)
}

/** `just now`, `3.0 min ago`. */
export function ago(at: number, now: number): string {
  return now - at < 1000 ? 'just now' : `${humanDuration(now - at)} ago`
}

/** `by ada: wrong folder` */
function whoAndWhy(by: string | null, reason: string | null): string {
  return `${by === null ? '' : ` by ${plain(by)}`}${reason === null ? '' : `: ${plain(reason)}`}`
}

function proofWords(proof: ExitProof): string {
  const { pid, threadId, exitCode, osSignal } = proof
  const place = threadId === undefined ? `pid ${pid}` : `thread ${threadId} of pid ${pid}`
  if (osSignal !== null) return `${place} ended by ${osSignal}`
  return exitCode === null ? place : `${place} exited with ${exitCode}`
}

/** Who stopped a run and why, and how, with the proof. */
export function stopWords(stop: StopRecord): string {
  return `${stop.verb}${whoAndWhy(stop.by, stop.reason)}; ${howWords(stop)}`
}

function howWords({ mode, confirmed, proof, requestedAt, stoppedAt }: StopRecord): string {
  const took = `after ${humanDuration(stoppedAt - requestedAt)}`
  if (!confirmed)
    return `stopped ${took}, not confirmed: its worker was lost, and its lease has lapsed`
  switch (mode) {
    case 'prevented':
      return 'prevented: none of its code was executing'
    case 'cooperative':
      return `the handler ended by itself ${took}${proof ? `, then ${proofWords(proof)}` : ''}`
    case 'forced':
      return `forced ${took}${proof ? `, ${proofWords(proof)}` : ''}`
  }
}

export function errorWords(error: Pick<ErrorRecord, 'code' | 'message'>): string {
  const code = error.code === 'HANDLER_THREW' ? '' : `${plain(error.code)}: `
  return `${code}${brief(error.message, 500)}`
}

/** `40 %`, or the value as it is. */
export function progressWords(progress: unknown): string {
  const isFraction = typeof progress === 'number' && progress >= 0 && progress <= 1
  return isFraction ? `${Math.floor(progress * 100)} %` : brief(progress, 60)
}

interface Data {
  readonly reason?: string | null
  readonly by?: string | null
  readonly answer?: string
  readonly graceMs?: number
  readonly stop?: StopRecord
  readonly error?: ErrorRecord
  readonly runAt?: number
  readonly workerId?: string
  readonly message?: unknown
  readonly data?: unknown
  readonly progress?: unknown
}

type Words = (data: Data, entry: FeedEntry) => string

const request: Words = ({ by = null, reason = null, graceMs, answer }, { type }) => {
  const grace = graceMs === undefined ? '' : ` with a grace of ${humanDuration(graceMs)}`
  return `${type} asked${whoAndWhy(by, reason)}${grace}: ${answer ?? 'done'}`
}

/** What happened, and what became of the run. */
const ending =
  (what: string): Words =>
  ({ stop, error, runAt }, { state }) => {
    const because = error ? `: ${errorWords(error)}` : ''
    if (stop) return `${what}${because}; cancelled: ${howWords(stop)}`
    return `${what}${because}; ${state}${runAt === undefined ? '' : ` until ${dateTime(runAt)}`}`
  }

const entryKinds: Readonly<Record<FeedType, Words>> = {
  enqueue: () => 'enqueued',
  due: () => 'due, queued',
  wake: (_, { state }) => `woken, ${state}`,
  expire: ending('expired'),
  claim: ({ workerId }, { attempt }) =>
    `attempt ${attempt} started${workerId === undefined ? '' : ` on worker ${workerId}`}`,
  log: ({ message, data }) =>
    `| ${brief(message, 500)}${data === undefined ? '' : ` ${brief(data, 300)}`}`,
  progress: ({ progress }) => `progress ${progressWords(progress)}`,
  revoke: request,
  abort: request,
  cancel: request,
  terminate: request,
  pause: request,
  resume: request,
  deliver: () => 'the request has reached the handler',
  overdue: () => 'the stop is overdue and cannot be forced: unresponsive',
  complete: ending('the handler returned'),
  fail: ending('the attempt failed'),
  crash: ending('the isolate exited by itself'),
  stop: ending('the isolate was stopped'),
  lapse: ending('its worker was lost'),
  release: ending('handed back by a worker that shuts down'),
  park: ending('parked'),
  wait: ending('waits'),
}

/** One entry of a run's feed, in words. */
export function entryWords(entry: FeedEntry): string {
  return entryKinds[entry.type](entry.data, entry)
}

/** The facts of a run, a line each. @param now the store's time. */
export function factLines(run: Run, now: number): string[] {
  const facts: [string, string | null][] = [
    ['task', plain(run.task)],
    ['queue', plain(run.queue)],
    ['key', run.key === null ? null : plain(run.key)],
    ['tags', run.tags.length === 0 ? null : run.tags.map(plain).join(', ')],
    ['priority', run.priority === 0 ? null : String(run.priority)],
    ['input', run.input === undefined ? null : brief(run.input, 300)],
    ['attempt', run.attempt === 0 ? 'none yet' : attemptWords(run)],
    ['progress', run.progress === undefined ? null : progressWords(run.progress)],
    ['enqueued', `${dateTime(run.createdAt)}, ${ago(run.createdAt, now)}`],
    ['due', run.runAt === null ? null : dateTime(run.runAt)],
    ['expires', run.expiresAt === null || run.startedAt !== null ? null : dateTime(run.expiresAt)],
    ['waits for', run.waitsFor],
    ['worker', run.workerId],
    ['ended', run.finishedAt === null ? null : `${dateTime(run.finishedAt)}${tookWords(run)}`],
    ['result', run.result === undefined ? null : brief(run.result, 2000)],
    ['error', run.error === null ? null : errorWords(run.error)],
    ['stop', run.stop === null ? null : stopWords(run.stop)],
    [
      'asked',
      run.stopping === null
        ? null
        : `${run.stopping.verb}${whoAndWhy(run.stopping.by, run.stopping.reason)}`,
    ],
  ]
  return facts.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(10)}${value}`]))
}

function attemptWords({ attempt, failures, crashes }: Run): string {
  const failed = failures === 0 ? '' : `, ${failures} failed`
  return `${attempt}${failed}${crashes === 0 ? '' : `, ${crashes} crashed`}`
}

function tookWords({ startedAt, finishedAt }: Run): string {
  if (startedAt === null || finishedAt === null) return ''
  return `, ${humanDuration(finishedAt - startedAt)} after the last attempt started`
}
