/** What the executor suites share: orders for the tasks of `tasks.ts`, a listener that remembers, waits with a deadline. */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import type { LogLine, Saved, SignalOutcome } from '../../src/core/run/events.ts'
import type {
  AbortReason,
  StoreAnswer,
  AttemptEnd,
  AttemptListener,
  AttemptOrder,
  Executor,
  StoreQuestion,
  RunningAttempt,
  SentSignal,
} from '../../src/executor/executor.ts'

export const tasksModule = new URL('./tasks.ts', import.meta.url).href

/** How long anything may take before a test says that it never came. */
export const deadlineMs = 60_000

export function orderFor(
  task: string,
  input?: unknown,
  more: Partial<AttemptOrder> = {},
): AttemptOrder {
  const run = {
    id: `run-of-${task}`,
    task,
    queue: 'default',
    key: null,
    tags: ['a'],
    attempt: 1,
    workflow: null,
    parent: null,
  }
  const text = input === undefined ? null : JSON.stringify(input)
  const limits = { payloadLimit: 1_048_576, checkpointLimit: 1_048_576 }
  const fresh = {
    isMapped: false,
    state: null,
    waits: [],
    begunWait: null,
    signalled: null,
    rollback: null,
  }
  return { run, module: tasksModule, input: text, ...limits, ...fresh, ...more }
}

export const cancelled: AbortReason = {
  code: 'ATTEMPT_CANCELLED',
  message: 'The run was asked to stop',
  details: { reason: 'closed the tab', by: 'ann' },
}

/** An attempt and all that it reported. */
export class Watched implements AttemptListener {
  readonly deliveries: number[] = []
  readonly progress: string[] = []
  readonly logs: LogLine[] = []
  readonly saves: Saved[] = []
  readonly taken: number[] = []
  readonly extensions: number[] = []
  readonly questions: StoreQuestion[] = []
  /** What the store would say of each checkpoint; `null`: nothing. */
  store: ((number: number, attempt: RunningAttempt) => void) | null = null
  readonly attempt: RunningAttempt
  readonly #events = new EventEmitter().setMaxListeners(0)

  constructor(executor: Executor, order: AttemptOrder) {
    this.attempt = executor.start(order, this)
  }

  /** How often the isolate said that it calls the handler. */
  begins = 0

  onBegun(): void {
    this.begins++
  }

  onDelivered(at: number): void {
    this.deliveries.push(at)
    this.#events.emit('delivered')
  }

  onProgress(value: string): void {
    this.progress.push(value)
  }

  onLog(line: LogLine): void {
    this.logs.push(line)
    this.#events.emit('log')
  }

  onCheckpoint(saved: Saved, number: number): void {
    this.saves.push(saved)
    this.store?.(number, this.attempt)
    this.#events.emit('saved')
  }

  onTaken(position: number): void {
    this.taken.push(position)
    this.#events.emit('taken')
  }

  /** What the store would say to each question; none: nothing. */
  answers: StoreAnswer[] = []

  onQuestion(question: StoreQuestion, number: number): void {
    this.questions.push(question)
    const answer = this.answers.shift()
    if (answer) this.attempt.answer(number, answer)
    this.#events.emit('saved')
  }

  onExtend(ms: number): void {
    this.extensions.push(ms)
  }

  /** All outcomes of signals that were told of so far. */
  get outcomes(): SignalOutcome[] {
    return this.saves.flatMap(({ signals }) => signals)
  }

  /** Resolves once it is true, looking at each report. */
  async once(isTrue: () => boolean, what: string): Promise<void> {
    const signal = AbortSignal.timeout(deadlineMs)
    while (!isTrue())
      await Promise.race(
        ['saved', 'taken', 'log'].map((name) => once(this.#events, name, { signal })),
      ).catch(() => Promise.reject(new Error(`${what} did not come`)))
  }

  /** Resolves when the handler has logged the message. */
  async said(message: string): Promise<void> {
    await this.once(() => this.logs.some((line) => line.message === message), `the line ${message}`)
  }

  /** Resolves with the data of the handler's first log line. */
  async begun(): Promise<Record<string, number>> {
    if (this.logs.length === 0)
      await once(this.#events, 'log', { signal: AbortSignal.timeout(deadlineMs) })
    return (this.logs[0]?.data ?? {}) as Record<string, number>
  }

  async delivered(): Promise<void> {
    if (this.deliveries.length > 0) return
    await once(this.#events, 'delivered', { signal: AbortSignal.timeout(deadlineMs) })
  }

  end(): Promise<Awaited<RunningAttempt['ended']>> {
    return inTime(this.attempt.ended, 'the end of the attempt')
  }
}

export async function run(executor: Executor, task: string, input?: unknown): Promise<AttemptEnd> {
  return await new Watched(executor, orderFor(task, input)).end()
}

type EndOf<Kind extends AttemptEnd['kind']> = Extract<AttemptEnd, { kind: Kind }>

export function returned(end: AttemptEnd): string | null {
  assert.equal(end.kind, 'returned', JSON.stringify(end))
  return end.result
}

export function threw(end: AttemptEnd): EndOf<'threw'> {
  assert.equal(end.kind, 'threw', JSON.stringify(end))
  return end
}

export function parked(end: AttemptEnd): EndOf<'parked'> {
  assert.equal(end.kind, 'parked', JSON.stringify(end))
  return end
}

export function signalFor(position: number, name: string, payload?: unknown): SentSignal {
  const text = payload === undefined ? null : JSON.stringify(payload)
  return { position, id: `signal-${position}`, name, payload: text, by: 'ann', sentAt: 7 }
}

/** The promise's value; rejects when it is not there by the deadline. */
export async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = AbortSignal.timeout(deadlineMs)
  const never = once(late, 'abort').then(() => Promise.reject(new Error(`${what} did not come`)))
  return await Promise.race([promise, never])
}

/** Whether a process runs code: a zombie does not, and in a container may stay for long. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}

/** Whether a process stands still, by SIGSTOP. */
export function isStopped(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')
}

/** How much CPU time a process has used so far, in ticks of 10 ms. */
export function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[11])
}

/** The running processes that this process, or `pid`, has for children. */
export function childrenOf(pid = process.pid): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((other) => other > 0 && isRunning(other) && parentOf(other) === pid)
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return null
  }
}

/** Asks again and again, a few ms apart, until it is true; what has no event can't be awaited otherwise. */
export async function until(
  isTrue: () => boolean,
  what: string,
  withinMs = deadlineMs,
): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
