/**
 * `worker` and `dev`: a worker in this process, until an OS signal stops it.
 *
 * TERM, INT and HUP: it takes nothing new, lets attempts finish, aborts them, kills them, and hands their runs back.
 * A second one goes on to the kill at once. A third ends the process as it stands; what it ran dies with it.
 */
import type { Command } from 'commander'
import type { Client } from '../../client/client.ts'
import type { Parameters } from '../../client/options/parameter.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { WorkerOptions } from '../../worker/options.ts'
import { handBack } from '../../worker/hand-back.ts'
import { publishUncaught } from '../../worker/telemetry.ts'
import type { StopWorkerOptions } from '../../worker/shutdown.ts'
import type { Worker } from '../../worker/worker.ts'
import { brief, onOutputClosed, writeLine, writeNote } from '../text/output.ts'
import { addParameters, given } from '../session/parameters.ts'
import { act, type Session, withExample } from '../session/session.ts'
import { attemptName, logLine, logWorker } from '../session/worker-log.ts'

const workerParameters = {
  queues: {
    kind: 'texts',
    about: 'take runs of this queue; default: default, and those that the tasks name',
    singular: 'queue',
  },
  concurrency: {
    kind: 'whole-number',
    about: 'attempts at once, of each isolation; default: one a core, 100 inline',
  },
  attemptsPerIsolate: {
    kind: 'whole-number',
    about: 'end a process or thread after so many attempts; default: never',
  },
  lease: {
    kind: 'duration',
    about: 'how long its runs are its own without a sign of life; default 15s',
  },
  startTimeout: {
    kind: 'duration',
    about: 'how long an isolate may take to load the modules; default 30s',
  },
} as const satisfies Partial<Parameters<keyof WorkerOptions>>

const stopParameters = {
  finish: { kind: 'duration', about: 'at the end: how long attempts may go on; default 10s' },
  grace: {
    kind: 'duration',
    about: 'at the end: what they get after their abort signal has fired; default 5s',
  },
} as const satisfies Parameters<keyof StopWorkerOptions>

/** Adds `worker` and `dev`. */
export function workerCommands(program: Command): void {
  const worker = command(program, 'worker', 'execute runs of the tasks that the modules export')
  act(withExample(worker, 'checkrein worker tasks.ts --queue default --concurrency 4'), (session) =>
    work(session, false),
  )
  const dev = command(
    program,
    'dev',
    'a store in a file and a worker in one, with the log lines of the runs',
  )
  act(withExample(dev, 'checkrein dev tasks.ts'), (session) => work(session, true))
}

function command(program: Command, name: string, about: string): Command {
  const made = program
    .command(name)
    .description(about)
    .argument('[modules...]', 'files that export tasks; .ts files need no build')
  return addParameters(addParameters(made, workerParameters), stopParameters)
}

async function work(session: Session, isDev: boolean): Promise<number> {
  const modules = modulesOf(session)
  const { finish, grace, ...settings } = session.config.worker ?? {}
  using _log = logWorker(session.isJson)
  using notYet = saysThatItWaits()
  await session.withClient(
    async (client) => {
      const signals = await loadedBeforeSignals(modules)
      const options = { ...settings, modules, ...given(workerParameters, session.options) }
      const { Worker } = await import('../../worker/worker.ts')
      const worker = await Worker.start(client.store, options, { stopping: signals.first })
      notYet[Symbol.dispose]()
      if (process.pid === 1) writeNote(asProcessOne)
      using _uncaught = reportUncaught(worker)
      const following = isDev && !session.isJson ? followLogs(client, signals.stopped) : null
      if (isDev && !session.isJson) writeNote(`store ${session.store.shown}; stop with Ctrl-C`)
      const failure = await Promise.race([signals.first.then(() => null), worker.failed])
      try {
        await stop(worker, signals, {
          ...(finish === undefined ? {} : { finish }),
          ...(grace === undefined ? {} : { grace }),
          ...given(stopParameters, session.options),
        })
      } finally {
        client.store.hasten()
        signals.end()
      }
      if (failure) throw failure
      if (worker.heldCount > 0) handBackAndExit(session, worker)
      await following
    },
    { create: true, isPatient: true },
  )
  // The end of the process waits for the reader of its output, who may never read.
  setTimeout(() => process.exit(), longestReadMs)
  return 0
}

/** Says so, unless it is disposed soon: what a start waits for may hang, and prints nothing by itself. */
function saysThatItWaits(): Disposable {
  const words =
    'not started yet: the store is locked or away, a module is still loading, or an isolate is not ready'
  // It keeps no process alive: where a module waits for nothing, that is to be found out at once.
  const timer = setTimeout(() => writeNote(words), longStartMs).unref()
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}

const longStartMs = 5000

const asProcessOne =
  'this worker is process 1: run it below an init (docker run --init), or subprocesses of killed runs stay as zombies'

/** Until it is disposed, an error that nobody caught and that no run can be charged with is reported, and the worker goes on. */
function reportUncaught(worker: Worker): Disposable {
  const onUncaught = (error: unknown): void => publishUncaught(worker.id, error)
  process.on('uncaughtException', onUncaught)
  return { [Symbol.dispose]: () => void process.off('uncaughtException', onUncaught) }
}

/** Ends the process although inline handlers go on in it: their runs go back to the queue, and their code ends with the process. */
function handBackAndExit({ store: { url, options } }: Session, worker: Worker): never {
  writeNote(`ends with ${worker.heldCount} inline handlers that do not; their runs go back`)
  handBack({ url, options, workerId: worker.id })
  process.exit(0)
}

/**
 * Loads the modules before the OS signals are taken: nothing is held yet, so that a signal may end the process as it ends any other, even
 * where a module blocks the thread. The first process of a container is spared such signals, so it ends by itself.
 */
async function loadedBeforeSignals(modules: readonly (string | URL)[]): Promise<StopSignals> {
  const { Registry } = await import('../../worker/registry.ts')
  const isSpared = process.pid === 1
  if (isSpared) for (const name of stopSignals) process.on(name, exitNow)
  await Registry.load(modules)
  const signals = new StopSignals()
  if (isSpared) for (const name of stopSignals) process.off(name, exitNow)
  return signals
}

function exitNow(): never {
  process.exit(interruptedCode)
}

/** The modules that the command line names, or else the configuration file. @throws {CheckreinError} `USAGE` where neither names any. */
function modulesOf({ args, config }: Session): readonly (string | URL)[] {
  const [named] = args as [readonly string[]]
  const modules = named.length > 0 ? named : (config.modules ?? [])
  if (modules.length > 0) return modules
  throw new CheckreinError('USAGE', {
    message: "missing required argument 'modules'",
    hint: 'Name files that export tasks, here or as `modules` in checkrein.config.ts.',
  })
}

async function stop(
  worker: Worker,
  signals: StopSignals,
  options: StopWorkerOptions,
): Promise<void> {
  signals.onNext(() => {
    writeNote('forced: what still runs is killed')
    void worker.stop()
  })
  if (worker.heldCount > 0) writeNote(`stopping; ${worker.heldCount} running. Once more to force`)
  await worker.stop(options)
}

/** The log lines of all runs, from now on. */
async function followLogs(client: Client, abortSignal: AbortSignal): Promise<void> {
  const tasks = new Map<string, string>()
  try {
    for await (const { type, runId, attempt, at, data } of client.events({ abortSignal })) {
      if (type !== 'log') continue
      const task = tasks.get(runId) ?? (await client.get(runId))?.task ?? '?'
      if (tasks.size > 1000) tasks.clear()
      tasks.set(runId, task)
      const more = data['data'] === undefined ? '' : ` ${brief(data['data'], 300)}`
      writeLine(
        logLine(at, `${attemptName(task, runId, attempt)} | ${brief(data['message'], 500)}${more}`),
      )
    }
  } catch (error) {
    if (!abortSignal.aborted)
      writeNote(`the log lines of the runs are not shown any more: ${brief(String(error))}`)
  }
}

/** How long a worker that has stopped waits for its last lines to be read. */
const longestReadMs = 1000

const stopSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
const interruptedCode = 130

/** The OS signals that end a worker, counted. */
class StopSignals {
  /** Fulfils with the first. */
  readonly first: Promise<void>
  readonly #over = new AbortController()
  #count = 0
  #onNext: (() => void) | null = null

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.first = promise
    const onSignal = (): void => {
      this.#count++
      resolve()
      if (this.#count === 2) this.#onNext?.()
      if (this.#count > 2) process.exit(interruptedCode)
    }
    for (const name of stopSignals) process.on(name, onSignal)
    onOutputClosed(resolve)
  }

  onNext(listener: () => void): void {
    this.#onNext = listener
    if (this.#count > 1) listener()
  }

  /** Fires when the worker has stopped. */
  get stopped(): AbortSignal {
    return this.#over.signal
  }

  end(): void {
    this.#over.abort()
  }
}
