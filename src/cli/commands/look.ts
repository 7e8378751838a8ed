/** The commands that only look: `list`, `counts`, `show`, `workers`. */
import type { Command } from 'commander'
import type { ListOptions, PayloadOptions } from '../../client/options/pages.ts'
import { operations } from '../../client/operations/operations.ts'
import { filterParameters } from '../../client/options/parameters.ts'
import type { RunRow } from '../../client/views/view.ts'
import { humanDuration } from '../../core/duration.ts'
import type { RunFilter } from '../../core/filter.ts'
import type { WorkerRecord } from '../../store/store.ts'
import { factLines } from '../text/facts.ts'
import { holdOf } from '../text/hold-words.ts'
import { plain, style, table } from '../text/output.ts'
import { given } from '../session/parameters.ts'
import { act, commandFor, type Session } from '../session/session.ts'
import { signalLines, timelineLines } from '../text/timeline.ts'
import { ago, progressWords, statusWord } from '../text/words.ts'

/** Adds the commands that only look. */
export function lookCommands(program: Command): void {
  act(commandFor(program, 'list'), list)
  act(commandFor(program, 'counts'), counts)
  act(commandFor(program, 'get'), show)
  act(commandFor(program, 'workers'), workers)
}

async function list(session: Session): Promise<void> {
  const filter = given(filterParameters, session.options) as RunFilter
  const options = given(operations.list.options, session.options) as ListOptions & PayloadOptions
  const { runs, cursor, holds } = await session.withClient(async (client) => ({
    ...(await client.list(filter, options)),
    holds: await client.holds(),
  }))
  const marked = runs.map((run) => ({ ...run, heldBy: holdOf(run, holds)?.id ?? null }))
  session.answer({ runs: marked, cursor }, () => {
    if (runs.length === 0) return ['no runs']
    const more = cursor === null ? [] : [style('dim', `more: the same with --cursor ${cursor}`)]
    return [
      ...table(
        ['ID', 'STATUS', 'TASK', 'ENQUEUED', 'NOTES'],
        marked.map((run) => row(run, session.now())),
      ),
      ...more,
    ]
  })
}

function row(run: RunRow & { readonly heldBy: string | null }, now: number): string[] {
  const notes = [
    run.status === 'running' && run.progress !== undefined ? progressWords(run.progress) : null,
    run.attempt > 1 ? `attempt ${run.attempt}` : null,
    run.stop ? `${run.stop.mode}${run.stop.confirmed ? '' : ', not confirmed'}` : null,
    run.error ? plain(run.error.message).slice(0, 60) : null,
    run.key === null ? null : `key ${plain(run.key)}`,
    run.retryOf === null ? null : `retry of ${plain(run.retryOf)}`,
    ...run.tags.map(plain),
  ]
  return [
    plain(run.id),
    run.heldBy === null ? run.status : `${run.status} (held)`,
    run.task,
    ago(run.createdAt, now),
    notes.filter((note) => note !== null).join(' · '),
  ]
}

async function counts(session: Session): Promise<void> {
  const filter = given(filterParameters, session.options) as RunFilter
  const document = await session.withClient((client) => client.counts(filter))
  session.answer(document, () => {
    return Object.entries(document).map(
      ([state, count]) => `${state.padEnd(10)}${String(count).padStart(9)}`,
    )
  })
}

async function show(session: Session): Promise<void> {
  const [id] = session.args as [string]
  const { run, heldBy, events, signals } = await session.withClient(async (client) => {
    const handle = client.run(id)
    const run = await handle.get()
    return {
      run,
      heldBy: holdOf(run, await client.holds()) ?? null,
      events: await Array.fromAsync(handle.events({ follow: false })),
      signals: await handle.signals(),
    }
  })
  const timeline = events.filter(({ type }) => type !== 'log')
  const log = events
    .filter(({ type }) => type === 'log')
    .map(({ at, attempt, data }) => ({ at, attempt, ...data }))
  session.answer({ run, heldBy, timeline, signals, log }, () => {
    const stack =
      run.error?.stack === undefined
        ? []
        : ['', style('bold', 'Stack'), ...indented(run.error.stack)]
    return [
      `${statusWord(run.status)}${heldBy === null ? '' : ' (held)'}  ${plain(run.id)}`,
      ...factLines(run, session.now(), heldBy),
      ...signalLines(signals),
      ...timelineLines(events, signals),
      ...stack,
    ]
  })
}

const indented = (text: string): string[] =>
  text.split('\n').map((line) => style('dim', `  ${plain(line)}`))

async function workers(session: Session): Promise<void> {
  const document = await session.withClient((client) => client.workers())
  session.answer(document, () => {
    if (document.length === 0) return ['no workers']
    return table(
      ['ID', 'HOST', 'PID', 'LEASE', 'RUNS', 'STARTED', 'QUEUES', 'TASKS'],
      document.map((worker) => workerRow(worker, session.now())),
    )
  })
}

function workerRow(worker: WorkerRecord, now: number): string[] {
  const { id, host, pid, leaseLeftMs, heldCount, startedAt, queues, tasks } = worker
  const lease =
    leaseLeftMs > 0
      ? `good for ${humanDuration(leaseLeftMs)}`
      : `lapsed ${humanDuration(-leaseLeftMs)} ago`
  const numbers = [String(pid), lease, String(heldCount), ago(startedAt, now)]
  return [id, host, ...numbers, queues.join(', '), Object.keys(tasks).join(', ')]
}
