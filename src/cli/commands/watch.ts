/** `watch`: a live view on a terminal, a line for each event elsewhere. */
import type { Command } from 'commander'
import type { Client } from '../../client/client.ts'
import { operations } from '../../client/operations/operations.ts'
import type { Run, RunRow } from '../../client/views/view.ts'
import { humanDuration } from '../../core/duration.ts'
import { errorCodes, isCheckreinError } from '../../core/errors.ts'
import type { FeedEntry, FeedType } from '../../core/run/events.ts'
import { type State, states } from '../../core/run/transitions.ts'
import { bar, LiveView } from '../text/live.ts'
import { plain, style, table, timeOfDay, writeJsonLine, writeLine } from '../text/output.ts'
import { given } from '../session/parameters.ts'
import { act, commandFor, type Session } from '../session/session.ts'
import { entryWords } from '../text/entry-words.ts'
import { errorWords, progressWords, statusWord, stopWords } from '../text/words.ts'
import type { EventsOptions } from '../../client/options/options.ts'

const interruptedCode = 130

/** How a run ended, as an exit code. */
export function endedCode(state: State): number {
  if (state === 'failed') return errorCodes.RUN_FAILED.exit
  return state === 'cancelled' ? errorCodes.RUN_CANCELLED.exit : 0
}

/** Adds `watch`. */
export function watchCommand(program: Command): void {
  act(commandFor(program, 'events'), watch)
}

async function watch(session: Session): Promise<number> {
  const interrupt = new AbortController()
  const onInterrupt = (): void => interrupt.abort()
  process.once('SIGINT', onInterrupt)
  try {
    return await session.withClient((client) => follow(session, client, interrupt.signal), {
      isPatient: true,
    })
  } catch (error) {
    if (interrupt.signal.aborted && !isCheckreinError(error)) return interruptedCode
    throw error
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}

async function follow(session: Session, client: Client, abortSignal: AbortSignal): Promise<number> {
  const [id] = session.args as [string?]
  const handle = id === undefined ? null : client.run(id)
  await handle?.get()
  const options = {
    ...given(operations.events.options, session.options),
    abortSignal,
  } as EventsOptions
  const events = handle ? handle.events(options) : client.events(options)
  const name = handle ? async () => '' : namesOf(client)
  const lines = session.isJson ? null : wordsOf(events, name)
  if (lines === null) for await (const entry of events) writeJsonLine(entry)
  else if (process.stdout.isTTY)
    await live(lines, () => (handle ? runFrame(client, handle) : overview(client)))
  else for await (const line of lines) writeLine(line.text)
  return handle ? endedCode((await handle.get()).state) : 0
}

interface Line {
  readonly type: FeedType
  readonly text: string
}

async function* wordsOf(
  events: AsyncIterable<FeedEntry>,
  name: (entry: FeedEntry) => Promise<string>,
): AsyncGenerator<Line> {
  for await (const entry of events) {
    yield {
      type: entry.type,
      text: `${timeOfDay(entry.at)}  ${await name(entry)}${entryWords(entry)}`,
    }
  }
}

const mostNames = 1000

/** Which run an entry belongs to, in words; asked of the store once for each run. */
function namesOf(client: Client): (entry: FeedEntry) => Promise<string> {
  const tasks = new Map<string, string>()
  return async ({ runId }) => {
    const task = tasks.get(runId) ?? (await client.get(runId))?.task ?? '?'
    if (tasks.size > mostNames) tasks.clear()
    tasks.set(runId, task)
    return `${plain(runId)}  ${task}  `
  }
}

const drawEveryMs = 100
/** A time that runs is drawn again after this long, also while nothing happens. */
const idleDraws = 10
const shownLines = 12

/** Draws a frame after events, and once a second, until the events end. */
async function live(lines: AsyncIterable<Line>, frame: () => Promise<string[]>): Promise<void> {
  using view = new LiveView()
  const recent: string[] = []
  let pause = 0
  let isDrawing = false
  const draw = async (): Promise<void> => {
    const head = await frame()
    const room = Math.max(1, Math.min(shownLines, view.rows - head.length - 1))
    view.draw([...head, '', ...recent.slice(-room)])
  }
  const timer = setInterval(() => {
    if (isDrawing || --pause > 0) return
    pause = idleDraws
    isDrawing = true
    void draw()
      .catch(() => undefined)
      .finally(() => (isDrawing = false))
  }, drawEveryMs)
  try {
    for await (const { type, text } of lines) {
      if (type !== 'progress') recent.push(`  ${text}`)
      if (recent.length > shownLines) recent.shift()
      pause = 0
    }
  } finally {
    clearInterval(timer)
    await draw()
  }
}

async function runFrame(client: Client, handle: { get(): Promise<Run> }): Promise<string[]> {
  const run = await handle.get()
  const lines = [`${statusWord(run.status)}  ${style('bold', plain(run.task))}  ${plain(run.id)}`]
  const { progress, attempt } = run
  const isFraction = typeof progress === 'number' && progress >= 0 && progress <= 1
  const words =
    progress === undefined
      ? ''
      : `${isFraction ? `${bar(progress)} ` : ''}${progressWords(progress)}  `
  lines.push(
    `${words}${attempt === 0 ? 'not started' : `attempt ${attempt}`}${runningTime(run, client.now())}`,
  )
  if (run.stop) lines.push(stopWords(run.stop))
  if (run.error) lines.push(style('red', errorWords(run.error)))
  if (run.result !== undefined) lines.push(`result ${JSON.stringify(run.result)}`)
  return lines
}

function runningTime({ startedAt, finishedAt }: RunRow, now: number): string {
  return startedAt === null
    ? ''
    : `  ${humanDuration(Math.max(0, (finishedAt ?? now) - startedAt))}`
}

const shownRuns = 10

async function overview(client: Client): Promise<string[]> {
  const counts = await client.counts()
  const { runs } = await client.list({ state: 'running' }, { limit: shownRuns })
  const head = states.map((state) => `${statusWord(state)} ${counts[state]}`).join('  ')
  const rows = runs.map((run) => [
    plain(run.id),
    run.status,
    run.task,
    runningTime(run, client.now()).trim(),
    run.progress === undefined ? '' : progressWords(run.progress),
  ])
  const running =
    rows.length === 0 ? [] : ['', ...table(['RUNNING', 'STATUS', 'TASK', 'FOR', 'PROGRESS'], rows)]
  return [head, ...running]
}
