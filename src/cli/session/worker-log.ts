/** The events of this process's workers, as lines of a log. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { humanDuration } from '../../core/duration.ts'
import type { EventType } from '../../core/run/transitions.ts'
import { workerChannel, type WorkerEvent } from '../../worker/telemetry.ts'
import { isOutputFull } from '../../executor/os/output.ts'
import { plain, style, timeOfDay, writeJsonLine, writeLine } from '../text/output.ts'
import { errorWords } from '../text/words.ts'

/** While a database is away, each try says the same. */
const repeatMs = 10_000

/** Logs until it is disposed. People read the same error of the store, or of code that nobody watches, no oftener than every ten seconds. */
export function logWorker(isJson: boolean): Disposable {
  const toldAt = new Map<string, number>()
  const onEvent = (message: unknown): void => {
    const event = message as WorkerEvent
    const at = Date.now()
    if (isOutputFull(process.stdout)) return
    if (isJson) return writeJsonLine({ at, ...event })
    const words = workerWords(event)
    if (event.type === 'store-error' || event.type === 'uncaught-error') {
      if (at < (toldAt.get(words) ?? 0) + repeatMs) return
      if (toldAt.size > 100) toldAt.clear()
      toldAt.set(words, at)
    }
    writeLine(logLine(at, words))
  }
  subscribe(workerChannel, onEvent)
  return { [Symbol.dispose]: () => void unsubscribe(workerChannel, onEvent) }
}

/** A line of the log: the time of day, and the event in words. @param at epoch ms. */
export function logLine(at: number, words: string): string {
  return `${style('dim', timeOfDay(at))}  ${words}`
}

/** `index-folder 0198…#1` */
export function attemptName(task: string, runId: string, attempt: number): string {
  return `${plain(task)} ${plain(runId)}#${attempt}`
}

function workerWords(event: WorkerEvent): string {
  switch (event.type) {
    case 'started':
      return `worker ${event.workerId} started; queues: ${event.queues.join(', ')}; tasks: ${event.tasks.join(', ')}`
    case 'attempt-started':
      return `${attemptName(event.task, event.runId, event.attempt)} started`
    case 'attempt-ended':
      return endedWords(event)
    case 'cannot-serve':
      return style(
        'yellow',
        `cannot serve ${plain(event.task)}, and leaves it to other workers for ${humanDuration(event.pauseMs)}: ${errorWords(event.error)}`,
      )
    case 'serves-again':
      return `serves ${plain(event.task)} again`
    case 'unresponsive':
      return style(
        'red',
        `${attemptName(event.task, event.runId, event.attempt)} does not stop, and cannot be made to`,
      )
    case 'runs-lapsed':
      return style(
        'yellow',
        `worker ${event.lapsedWorkerId} is lost; ${event.runCount} of its runs were taken back`,
      )
    case 'lease-lost':
      return style('red', `worker ${event.workerId} lost its lease; what it ran is killed`)
    case 'store-error':
      return style('red', `store error during ${event.during}: ${errorWords(event.error)}`)
    case 'uncaught-error':
      return style(
        'red',
        `an error that nobody caught${uncaughtOf(event)}: ${errorWords(event.error)}`,
      )
    case 'draining':
      return `worker ${event.workerId} takes nothing new; ${event.heldCount} running`
    case 'stopped':
      return `worker ${event.workerId} stopped`
  }
}

function uncaughtOf(event: Extract<WorkerEvent, { readonly type: 'uncaught-error' }>): string {
  const { task, runId, attempt, module } = event
  if (task !== null && runId !== null && attempt !== null)
    return `, of ${attemptName(task, runId, attempt)}, which has ended`
  return module === null ? '' : `, of the module ${plain(module)}`
}

const endings: Readonly<Partial<Record<EventType, string>>> = {
  complete: 'returned',
  fail: 'failed',
  crash: 'crashed',
  stop: 'was stopped',
  release: 'was handed back',
  park: 'has parked',
  wait: 'waits without a slot',
}

function endedWords(event: Extract<WorkerEvent, { readonly type: 'attempt-ended' }>): string {
  const { task, runId, attempt, durationMs, error, answer } = event
  const name = attemptName(task, runId, attempt)
  const took = `after ${humanDuration(durationMs)}`
  const refused = answer === 'done' ? '' : ` (not accepted: ${answer})`
  if (error && abortCodes.has(error.code))
    return `${name} ended by its abort signal ${took}${refused}`
  const because = error ? `: ${errorWords(error)}` : ''
  const line = `${name} ${endings[event.event] ?? event.event} ${took}${because}${refused}`
  return error || refused ? style('yellow', line) : line
}

/** The codes of errors that a handler throws when it obeys its abort signal. */
const abortCodes = new Set(['ABORT_ERR', 'ATTEMPT_CANCELLED', 'ATTEMPT_SHUTDOWN'])
