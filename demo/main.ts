/** `npm run demo -- [folder]`: see `options.ts` for what it takes, and `play.ts` for what it does. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, errorCodes, isCheckreinError } from '../src/index.ts'
import { Crew } from './crew.ts'
import { DemoError } from './errors.ts'
import { selectFiles } from './folder.ts'
import { type DemoOptions, demoOptions, usage } from './options.ts'
import { play } from './play.ts'
import { openView } from './view.ts'

const broken = 1
/** A Ctrl-C under `npm run` comes twice: from the terminal, and from npm. */
const echoMs = 500
const interrupts = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

process.exitCode = await main()

async function main(): Promise<number> {
  try {
    const options = demoOptions(process.argv.slice(2))
    if (options) return (await perform(options)) === 0 ? 0 : broken
    console.log(usage)
    return 0
  } catch (error) {
    if (error instanceof DemoError) return complain(error.message, error.exitCode)
    if (isCheckreinError(error)) {
      return complain(
        [error.message, error.hint].filter(Boolean).join('\n'),
        errorCodes[error.code].exit,
      )
    }
    throw error
  }
}

function complain(message: string, exitCode: number): number {
  console.error(message)
  return exitCode
}

/** Sets the stage, plays, and clears the stage whatever happens. @returns how many promises were broken. */
async function perform(options: DemoOptions): Promise<number> {
  const selection = await selectFiles(options.folder, options.limitBytes)
  if (selection.files.length === 0)
    throw new DemoError(66, `No file to work on in ${options.folder}`)
  await using stage = new AsyncDisposableStack()
  const ending = new AbortController()
  const { signal: abortSignal } = ending
  const scratch = await mkdtemp(join(tmpdir(), 'checkrein-demo-'))
  stage.defer(async () => clearAway(scratch, options.isKept))
  const url = `sqlite:${join(scratch, 'demo.db')}`
  const crew = new Crew(url, (error) => ending.abort(error))
  // The first OS signal ends the demo in order; a later one doesn't wait for the workers.
  stage.use(onInterrupt((error) => (abortSignal.aborted ? void crew.kill() : ending.abort(error))))
  const client = stage.use(await connect(url))
  stage.use(crew)
  const worker = await crew.hire()
  abortSignal.throwIfAborted()
  const view = stage.use(openView())
  try {
    return await play({ client, crew, worker, view, scratch, options, selection, abortSignal })
  } catch (error) {
    // A wait that was interrupted rejects with an error of its own; the reason for that is in the signal.
    abortSignal.throwIfAborted()
    throw error
  }
}

function onInterrupt(interrupt: (error: DemoError) => void): Disposable {
  let heardAt = -Infinity
  const listeners = Object.entries(interrupts).map(([osSignal, exitCode]) => {
    const listener = (): void => {
      const isEcho = performance.now() - heardAt < echoMs
      heardAt = performance.now()
      if (!isEcho) interrupt(new DemoError(exitCode, `Interrupted by ${osSignal}; cleaned up.`))
    }
    process.on(osSignal, listener)
    return { osSignal, listener }
  })
  return {
    [Symbol.dispose]: () => {
      for (const { osSignal, listener } of listeners) process.off(osSignal, listener)
    },
  }
}

async function clearAway(scratch: string, isKept: boolean): Promise<void> {
  if (isKept) console.log(`Kept: ${scratch}`)
  else await rm(scratch, { recursive: true, force: true })
}
