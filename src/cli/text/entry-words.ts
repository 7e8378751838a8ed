/** The entries of a run's feed, in words. */
import type { SignalEntry } from '../../client/views/audit.ts'
import { humanDuration } from '../../core/duration.ts'
import type { ErrorRecord } from '../../core/errors.ts'
import type { FeedEntry, FeedType } from '../../core/run/events.ts'
import type { PauseFallback } from '../../core/run/intent.ts'
import type { RollbackFacts } from '../../core/run/run.ts'
import type { StopRecord } from '../../core/run/stop.ts'
import { brief, dateTime, plain } from './output.ts'
import { errorWords, howWords, progressWords, askedWords, whoAndWhy } from './words.ts'

interface Data {
  readonly reason?: string | null
  readonly by?: string | null
  readonly answer?: string
  readonly graceMs?: number
  readonly osSignal?: string | null
  readonly killAfterMs?: number | null
  readonly resumeAt?: number
  readonly otherwise?: PauseFallback
  readonly of?: 'stop' | 'pause'
  readonly stop?: StopRecord
  readonly rollback?: RollbackFacts['state']
  readonly error?: ErrorRecord
  readonly runAt?: number
  readonly wakeAt?: number
  readonly waitsFor?: string
  readonly signal?: string
  readonly workerId?: string
  readonly message?: unknown
  readonly data?: unknown
  readonly progress?: unknown
  readonly name?: string
  readonly bytes?: number
}

/** `record`: what was asked, where the entry is about that. */
type Words = (data: Data, entry: FeedEntry, record: SignalEntry | undefined) => string

const request: Words = (data, { type }, record) => {
  const { by = null, reason = null, graceMs, resumeAt, otherwise, answer } = data
  const { osSignal = null, killAfterMs = null } = data
  const details = [
    graceMs === undefined ? '' : ` with a grace of ${humanDuration(graceMs)}`,
    osSignal === null ? '' : ` by ${osSignal}`,
    killAfterMs === null ? '' : `, SIGKILL after ${humanDuration(killAfterMs)}`,
    otherwise === undefined ? '' : `, else ${otherwise}`,
    resumeAt === undefined ? '' : `, until ${dateTime(resumeAt)}`,
  ]
  const who = `${whoAndWhy({ by, reason })}${fromWhere(record)}`
  return `${type} asked${who}${details.join('')}: ${answer ?? 'done'}`
}

/** ` (cli on host pid 4711)` */
function fromWhere(record: SignalEntry | undefined): string {
  return record?.origin ? ` (${plain(record.origin)})` : ''
}

/** The event, and the state that the run went to. */
const ending =
  (what: string): Words =>
  (data, { state }) => {
    const { error, runAt } = data
    const because = error ? `: ${errorWords(error)}` : ''
    if (data.stop) return `${what}${because}; ${endWords(data.stop, state)}`
    if (data.rollback) return `${what}${because}; roll-back ${data.rollback}, ${state}`
    return `${what}${because}; ${state}${runAt === undefined ? '' : ` until ${dateTime(runAt)}`}`
  }

/** A run that was asked to stop, and did, has not failed. */
const isCooperative = ({ stop }: Data): boolean => stop?.mode === 'cooperative'

/** A run that is rolled back goes to its queue once more. */
function endWords(stop: StopRecord, state: FeedEntry['state']): string {
  return `${state === 'cancelled' ? 'cancelled' : 'to be rolled back'}: ${howWords(stop)}`
}

const waits: Words = ({ signal, waitsFor, wakeAt }, { state }) => {
  const parts = [
    signal === undefined ? null : `for the signal ${plain(signal)}`,
    waitsFor === undefined ? null : `for the run ${plain(waitsFor)}`,
    wakeAt === undefined ? null : `until ${dateTime(wakeAt)}`,
  ]
  return `waits without a slot ${parts.filter((part) => part !== null).join(', ')}; ${state}`
}

const wakers: Readonly<Record<string, string>> = {
  run: 'the run that it waited for has ended',
  signal: 'its signal is there',
  time: 'its time has come',
}

const entryKinds: Readonly<Record<FeedType, Words>> = {
  enqueue: () => 'enqueued',
  due: () => 'due, queued',
  wake: ({ by }, { state }) =>
    `woken, ${wakers[by ?? ''] ?? 'what it waited for is there'}; ${state}`,
  expire: ending('expired'),
  deadline: ending('its deadline has passed'),
  claim: ({ workerId }, { attempt }) =>
    `attempt ${attempt} started${workerId === undefined ? '' : ` on worker ${workerId}`}`,
  begin: () => 'its handler was called',
  log: ({ message, data }) =>
    `| ${brief(message, 500)}${data === undefined ? '' : ` ${brief(data, 300)}`}`,
  progress: ({ progress }) => `progress ${progressWords(progress)}`,
  checkpoint: ({ bytes }) => `checkpoint${bytes === undefined ? '' : ` of ${bytes} bytes`}`,
  signal: ({ name = '' }, _, record) =>
    `signal ${record ? `${askedWords(record)} sent${whoAndWhy(record)}${fromWhere(record)}` : `${plain(name)} sent`}`,
  take: (_, __, record) =>
    `${record ? `signal ${askedWords(record)}` : 'a signal'} has reached the handler`,
  revoke: request,
  abort: request,
  cancel: request,
  terminate: request,
  pause: request,
  resume: request,
  deliver: () => 'the request has reached the handler',
  overdue: ({ of }) =>
    of === 'pause'
      ? 'no checkpoint came in time: the pause is overdue'
      : 'the stop is overdue and cannot be forced: unresponsive',
  freeze: () => 'its process is frozen where it stood',
  complete: ending('the handler returned'),
  fail: (data, ...rest) =>
    ending(isCooperative(data) ? 'the attempt ended' : 'the attempt failed')(data, ...rest),
  crash: ending('the isolate exited by itself'),
  stop: ending('the isolate was stopped'),
  lapse: ending('its worker was lost'),
  // A worker that shuts down leaves it where others may take it.
  release: (data, entry, record) => {
    const what =
      entry.state === 'paused'
        ? 'the attempt was killed for the pause'
        : 'handed back by a worker that shuts down'
    return ending(what)(data, entry, record)
  },
  park: ending('parked at a checkpoint'),
  wait: waits,
}

/** One entry of a run's feed, in words. */
export function entryWords(entry: FeedEntry, record?: SignalEntry): string {
  return entryKinds[entry.type](entry.data, entry, record)
}
