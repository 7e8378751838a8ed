/** `doctor`: what is wrong, and what to do about it. Exits with 1 where anything is. */
import type { Command } from 'commander'
import { isNotUndone } from '../../core/run/rollback.ts'
import type { Client } from '../../client/client.ts'
import type { RunRow } from '../../client/views/view.ts'
import { humanDuration } from '../../core/duration.ts'
import { endOfGrace } from '../../core/run/intent.ts'
import { defaultKill, wayOf } from '../../core/run/kill.ts'
import { isCheckreinError } from '../../core/errors.ts'
import { isHeldBy, isOfLanes } from '../../core/hold.ts'
import type { Finding, Hold, WorkerRecord } from '../../store/store.ts'
import { version } from '../../worker/version.ts'
import { plain, style } from '../text/output.ts'
import { act, commandFor, type Session } from '../session/session.ts'

const unhealthyCode = 1
/** How many of the oldest queued, and of the newest running runs are looked at. */
const sampled = 1000
/** A run that could start waits this long only where something is wrong. */
const longWaitMs = 600_000

/** Adds `doctor`. */
export function doctorCommand(program: Command): void {
  act(commandFor(program, 'findings'), doctor)
}

async function doctor(session: Session): Promise<number> {
  const findings = await session.withClient(async (client) => [
    ...(await client.findings()),
    ...(await look(client).then(diagnose, lookFailed)),
  ])
  const about: Finding = {
    name: 'checkrein',
    level: 'ok',
    message: `version ${version}, store ${session.store.shown}`,
  }
  const all = [about, ...findings]
  const isHealthy = all.every(({ level }) => level === 'ok')
  session.answer({ isHealthy, findings: all }, () => all.flatMap(findingLines))
  return isHealthy ? 0 : unhealthyCode
}

/** A look that failed is a finding too: the other findings may say why it failed. */
function lookFailed(error: unknown): Finding[] {
  if (!isCheckreinError(error)) throw error
  const hint = error.hint ?? 'The findings above may say why.'
  return [{ name: 'runs', level: 'error', message: error.message, hint }]
}

interface Facts {
  readonly workers: readonly WorkerRecord[]
  readonly running: readonly RunRow[]
  readonly queuedCount: number
  /** The oldest. */
  readonly queued: readonly RunRow[]
  readonly holds: readonly Hold[]
  /** Of the newest that were cancelled or have failed: those whose roll-back came to nothing. */
  readonly notUndone: readonly RunRow[]
  readonly now: number
}

async function look(client: Client): Promise<Facts> {
  const [workers, holds, counts, running, queued, ended] = await Promise.all([
    client.workers(),
    client.holds(),
    client.counts({ state: 'queued' }),
    client.list({ state: 'running' }, { limit: sampled }),
    client.list({ state: 'queued' }, { limit: sampled, order: 'oldest' }),
    client.list({ state: ['cancelled', 'failed'] }, { limit: sampled }),
  ])
  return {
    workers,
    running: running.runs,
    queuedCount: counts.queued,
    // A run that is held waits for no worker.
    queued: queued.runs.filter(
      (run) => !holds.some((hold) => isOfLanes(hold) && isHeldBy(hold.filter, held(run))),
    ),
    holds,
    notUndone: ended.runs.filter(({ rollback }) => isNotUndone(rollback)),
    now: client.now(),
  }
}

function diagnose(facts: Facts): Finding[] {
  return [
    workersFinding(facts),
    stopsFinding(facts),
    ...pauseFindings(facts),
    ...holdFindings(facts),
    ...rollbackFindings(facts),
    ...unknownFindings(facts),
    queueFinding(facts),
  ]
}

const isLive = ({ leaseLeftMs }: WorkerRecord): boolean => leaseLeftMs > 0

function workersFinding({ workers, queuedCount }: Facts): Finding {
  const live = workers.filter(isLive)
  const lapsed = workers.filter((worker) => !isLive(worker))
  const name = 'workers'
  if (lapsed.length > 0) {
    const who = lapsed.map(({ id, host, pid }) => `${id} (pid ${pid} on ${host})`).join(', ')
    const hint =
      'They died or lost the store. The next worker that looks takes their runs back; start one if none is live.'
    return { name, level: 'warning', message: `${live.length} live; lease lapsed: ${who}`, hint }
  }
  if (live.length > 0 || queuedCount === 0)
    return { name, level: 'ok', message: `${live.length} live` }
  const hint = 'Start one: checkrein worker <modules…>'
  return {
    name,
    level: 'error',
    message: `no worker is live, and ${queuedCount} ${queuedCount === 1 ? 'run is' : 'runs are'} queued`,
    hint,
  }
}

function stopsFinding({ running, workers, now }: Facts): Finding {
  const overdue = running.filter(
    (run) => run.status === 'unresponsive' || isPastItsEnd(run, { workers, now }),
  )
  const name = 'stops'
  if (overdue.length === 0) return { name, level: 'ok', message: 'no stop is overdue' }
  const who = overdue.map(({ id, task, stopping }) => {
    return `${plain(id)} of ${task}, for ${humanDuration(now - (stopping?.requestedAt ?? now))}`
  })
  const live = new Set(workers.filter(isLive).map(({ id }) => id))
  const isLost = overdue.every(({ workerId }) => workerId !== null && !live.has(workerId))
  const hint = isLost
    ? 'Their workers are lost. The next worker that looks records the stops; start one if none is live.'
    : 'Their isolate cannot be killed. Restart their worker, and give the tasks isolation: process.'
  return { name, level: 'error', message: `overdue: ${who.join('; ')}`, hint }
}

function pauseFindings({ running, now }: Facts): Finding[] {
  const overdue = running.filter(({ status }) => status === 'pausing (overdue)')
  if (overdue.length === 0) return []
  const who = overdue.map(({ id, task, pausing }) => {
    return `${plain(id)} of ${task}, for ${humanDuration(now - (pausing?.requestedAt ?? now))}`
  })
  const hint =
    'They meet no checkpoint. `checkrein freeze`, or `checkrein pause --otherwise kill`, does not wait for one.'
  return [{ name: 'pauses', level: 'warning', message: `overdue: ${who.join('; ')}`, hint }]
}

function holdFindings({ holds }: Facts): Finding[] {
  const lanes = holds.filter(isOfLanes)
  if (lanes.length === 0) return []
  const what = lanes.map(({ filter }) => JSON.stringify(filter)).join(', ')
  return [{ name: 'holds', level: 'ok', message: `paused, and not counted as waiting: ${what}` }]
}

/** How many are named. */
const mostNamed = 5

function rollbackFindings({ notUndone }: Facts): Finding[] {
  if (notUndone.length === 0) return []
  const who = notUndone.slice(0, mostNamed).map(({ id, task, rollback }) => {
    return `${plain(id)} of ${task} ${rollback?.state === 'failed' ? 'failed' : 'was given up'}`
  })
  const more = notUndone.length > mostNamed ? `; and ${notUndone.length - mostNamed} more` : ''
  const hint =
    'The effects of these runs are not undone. See `checkrein show <id>`; when the cause is mended, `checkrein retry --rollback <id>` tries again.'
  const message = `roll-back of ${who.join('; ')}${more}`
  return [{ name: 'rollbacks', level: 'warning', message, hint }]
}

/** A run as a hold of a whole lane sees it, which never looks at the input. */
function held({ task, queue, key, tags }: RunRow): Parameters<typeof isHeldBy>[1] {
  return { task, queue, key, tags, input: null }
}

/** Tasks and queues that have runs, but no live worker. */
function unknownFindings({ workers, queued }: Facts): Finding[] {
  const live = workers.filter(isLive)
  if (live.length === 0) return []
  const waiting = new Map<string, RunRow>()
  for (const run of queued)
    waiting.set(`${run.task}\n${run.queue}`, waiting.get(`${run.task}\n${run.queue}`) ?? run)
  return [...waiting.values()].flatMap(({ task, queue }): Finding[] => {
    const knowing = live.filter(({ tasks }) => Object.hasOwn(tasks, task))
    if (knowing.some(({ queues }) => queues.includes(queue))) return []
    const message =
      knowing.length === 0
        ? `runs of ${task} are queued, and no live worker knows that task`
        : `runs of ${task} are queued in ${queue}, and no live worker that knows the task serves that queue`
    const hint = 'Start a worker with the module that exports the task, and with its queue.'
    return [{ name: 'tasks', level: 'error', message, hint }]
  })
}

function queueFinding({ queued, queuedCount, now }: Facts): Finding {
  const [oldest] = queued
  const name = 'queue'
  if (!oldest) return { name, level: 'ok', message: 'nothing is queued' }
  const waits = now - Math.max(oldest.createdAt, oldest.runAt ?? 0)
  const message = `${queuedCount} queued, the oldest ${plain(oldest.id)} of ${oldest.task} for ${humanDuration(waits)}`
  if (waits < longWaitMs) return { name, level: 'ok', message }
  return {
    name,
    level: 'warning',
    message,
    hint: 'Start more workers, raise --concurrency, or see what runs: checkrein watch',
  }
}

const colours = { ok: 'green', warning: 'yellow', error: 'red' } as const

function findingLines({ level, name, message, hint }: Finding): string[] {
  const line = `${style(colours[level], level.padEnd(7))}  ${name.padEnd(9)}  ${message}`
  return hint === undefined ? [line] : [line, `${' '.repeat(20)}hint: ${hint}`]
}

/** How long a stop may take past its grace and the time until SIGKILL before something must be wrong: a kill is over in a second. */
const lateMs = 2000

/** A stop that nobody has carried out: its worker may be gone, or frozen. */
function isPastItsEnd(
  { stopping, task, workerId }: RunRow,
  { workers, now }: Pick<Facts, 'workers' | 'now'>,
): boolean {
  const end = stopping === null ? null : endOfGrace(stopping)
  if (stopping === null || end === null) return false
  const worker = workers.find(({ id }) => id === workerId)
  const { killAfterMs } = wayOf(stopping.kill, worker?.tasks[task]?.kill ?? defaultKill)
  return end + killAfterMs + lateMs < now
}
