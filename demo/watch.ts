import type { Client, Run, RunHandle } from '../src/index.ts'
import { count, volume } from './format.ts'
import type { FolderProgress } from './index-folder.ts'
import type { Pids } from './tasks.ts'
import type { Row, View } from './view.ts'

/** How long a pace is looked at, and how many reports are needed to tell it. */
const paceMs = 1000
const paceReports = 4

/** Follows the runs of the demo through the client's events, and shows them. */
export class Watch {
  readonly #client: Client
  readonly #view: View
  readonly #runs = new Map<string, Run>()
  readonly #reportedAt = new Map<string, number[]>()
  /** The reports of the folder run. */
  readonly #told: FolderProgress[] = []
  #change = Promise.withResolvers<void>()

  constructor(client: Client, view: View) {
    this.#client = client
    this.#view = view
  }

  /** Follows until the signal fires, and then rejects. */
  async follow(handles: readonly RunHandle[], abortSignal: AbortSignal): Promise<void> {
    for (const { id } of handles) await this.#look(id)
    for await (const { runId, type, at } of this.#client.events({ after: -1, abortSignal })) {
      if (type === 'progress') this.#reports(runId).push(at)
      await this.#look(runId)
    }
  }

  /** Fulfils when the run has reported its processes. */
  async pidsOf(handle: RunHandle, abortSignal: AbortSignal): Promise<Pids> {
    return this.#until(() => asPids(this.#runs.get(handle.id)?.progress), abortSignal)
  }

  /** Fulfils with the first thing that the folder run says of itself in an attempt. */
  async firstOf(attempt: number, abortSignal: AbortSignal): Promise<FolderProgress> {
    return this.#until(() => this.#told.find((one) => one.attempt === attempt), abortSignal)
  }

  /**
   * How many pieces a second the folder run does, from what it says of itself.
   * @param since from then on, in epoch ms; fulfils when it has said enough.
   */
  async paceOf(attempt: number, since: number, abortSignal: AbortSignal): Promise<number> {
    const [first, last] = await this.#until(() => {
      const told = this.#told.filter((one) => one.attempt === attempt && one.at >= since)
      const [first, last] = [told[0], told.at(-1)]
      if (!first || !last || told.length < paceReports) return null
      return last.at - first.at < paceMs ? null : ([first, last] as const)
    }, abortSignal)
    return ((last.pieces - first.pieces) * 1000) / (last.at - first.at)
  }

  /** Looks again after each change. */
  async #until<T>(look: () => T | null | undefined, abortSignal: AbortSignal): Promise<T> {
    const aborted = new Promise((resolve) =>
      abortSignal.addEventListener('abort', resolve, { once: true }),
    )
    for (;;) {
      abortSignal.throwIfAborted()
      const found = look()
      if (found) return found
      await Promise.race([this.#change.promise, aborted])
    }
  }

  /**
   * The longest that a run was silent while something else went on: the longest time between two neighbouring
   * reports, or the last report and its end, that overlaps with `from` to `to` (epoch ms).
   */
  longestSilenceMs(run: Run, { from, to }: { readonly from: number; readonly to: number }): number {
    const beats = [run.startedAt ?? 0, ...this.#reports(run.id), run.finishedAt ?? Date.now()]
    const gaps = beats.slice(1).map((end, i) => ({ start: beats[i] ?? 0, end }))
    const during = gaps.filter(({ start, end }) => end >= from && start <= to)
    return Math.max(0, ...during.map(({ start, end }) => end - start))
  }

  async #look(id: string): Promise<void> {
    const run = await this.#client.get(id)
    if (run) this.#runs.set(id, run)
    const progress = asFolderProgress(run?.progress)
    if (progress && progress.at !== this.#told.at(-1)?.at) this.#told.push(progress)
    this.#view.show([...this.#runs.values()].map(rowOf))
    this.#change.resolve()
    this.#change = Promise.withResolvers()
  }

  #reports(id: string): number[] {
    const reports = this.#reportedAt.get(id) ?? []
    this.#reportedAt.set(id, reports)
    return reports
  }
}

function rowOf(run: Run): Row {
  const { task: name, status, startedAt, finishedAt } = run
  const progress = run.progress as Partial<FolderProgress> | undefined
  const fraction = run.state === 'completed' ? 1 : (progress?.fraction ?? null)
  return { name, status, detail: detailOf(run), fraction, startedAt, finishedAt }
}

function detailOf(run: Run): string {
  if (run.stop)
    return `${run.stop.mode}, ${count(run.stop.stoppedAt - run.stop.requestedAt)} ms after the request`
  const pids = asPids(run.progress)
  if (pids) return `pid ${[pids.handler, ...pids.started].join(', ')}`
  const { pass = 0, ...progress } = (run.progress ?? {}) as Partial<FolderProgress>
  if (pass === 0) return ''
  return `${volume(progress as FolderProgress)}${pass > 1 ? ` (pass ${pass})` : ''}`
}

function asPids(progress: unknown): Pids | null {
  return typeof progress === 'object' && progress !== null && 'handler' in progress
    ? (progress as Pids)
    : null
}

function asFolderProgress(progress: unknown): FolderProgress | null {
  return typeof progress === 'object' && progress !== null && 'pieces' in progress
    ? (progress as FolderProgress)
    : null
}
