/** `enqueue`: the id of the run is on standard output, for scripts; with `--wait`, its result. */
import { type Command, Option } from 'commander'
import type { RunHandle } from '../../client/handles/handle.ts'
import { operations } from '../../client/operations/operations.ts'
import { CheckreinError } from '../../core/errors.ts'
import { writeJson, writeLine, writeNote } from '../text/output.ts'
import { addParameters, given } from '../session/parameters.ts'
import { textOf, valueOf } from '../session/text-file.ts'
import { act, commandFor, type Session } from '../session/session.ts'
import { endedCode } from './watch.ts'
import type { EnqueueOptions } from '../../client/options/options.ts'

const waiting = {
  timeout: {
    kind: 'duration',
    about: 'with --wait: exit with 75 when it has not ended after this long',
  },
} as const

/** Adds `enqueue` and `enqueue-many`. */
export function enqueueCommand(program: Command): void {
  const command = commandFor(program, 'enqueue').addOption(
    new Option('--wait', 'wait for its end: exit 0 completed, 1 failed, 2 cancelled'),
  )
  addParameters(command, waiting)
  act(command, enqueue)
  act(commandFor(program, 'enqueueMany'), enqueueMany)
}

/** Prints the ids, a line each, in the order of the lines that were given. */
async function enqueueMany(session: Session): Promise<void> {
  const [task, file] = session.args as [string, string]
  const lines = await textOf(file)
  const runs = lines.split('\n').flatMap((line, at) => (line.trim() === '' ? [] : runIn(line, at)))
  const handles = await session.withClient((client) => client.enqueueManyByName(task, runs), {
    create: true,
    isPatient: true,
  })
  session.answer(
    handles.map(({ enqueued }) => enqueued),
    () => handles.map(({ id }) => id),
  )
}

/** The input and the options of one run. @throws {CheckreinError} `USAGE`, with the number of the line. */
function runIn(line: string, at: number): { readonly input?: unknown } & EnqueueOptions {
  const value = valueOf(line, `line ${at + 1}`)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new CheckreinError('USAGE', {
    message: `Line ${at + 1} is not an object`,
    hint: 'Each line has the input and the options of one run: {"input": 1, "key": "a"}',
  })
}

async function enqueue(session: Session): Promise<number> {
  const [task, input] = session.args as [string, string?]
  const value = await jsonOf(input, 'input')
  return session.withClient(
    async (client) => {
      const options = given(operations.enqueue.options, session.options) as EnqueueOptions
      const handle = await client.enqueueByName(task, value, options)
      if (session.options['wait'] === true) return waitFor(handle, session)
      if (session.isJson) writeJson(handle.enqueued)
      else writeLine(handle.id)
      if (!session.isJson) noteUnusual(handle)
      return 0
    },
    { create: true, isPatient: true },
  )
}

/** JSON of the command line; `-` stands for standard input. */
export async function jsonOf(given: string | undefined, what: string): Promise<unknown> {
  const json = given === '-' ? await textOf(given) : given
  return json === undefined ? undefined : valueOf(json, what)
}

/** Notes each outcome that a caller does not expect who enqueues a new run. */
function noteUnusual({ id, enqueued }: RunHandle): void {
  if (enqueued?.outcome === 'exists')
    writeNote(`note: run ${id} was there already; nothing was enqueued`)
  if (enqueued?.outcome === 'prevented')
    writeNote(`note: a tombstone or a hold was waiting for run ${id}: it is cancelled`)
  if (enqueued?.replacedId) writeNote(`note: it takes the place of run ${enqueued.replacedId}`)
}

async function waitFor(handle: RunHandle, session: Session): Promise<number> {
  const { timeout } = given(waiting, session.options) as { timeout?: number }
  if (!session.isJson) {
    writeNote(handle.id)
    noteUnusual(handle)
    const result = await handle.result(timeout === undefined ? {} : { timeout })
    if (result !== undefined)
      writeLine(JSON.stringify(result, null, process.stdout.isTTY ? 2 : undefined))
    return 0
  }
  await handle.result(timeout === undefined ? {} : { timeout }).catch(endOnly)
  const run = await handle.get()
  writeJson({ ...handle.enqueued, run })
  return endedCode(run.state)
}

/** With `--json` the run that ended badly is in the answer itself. */
function endOnly(error: unknown): void {
  const { code } = error as { code?: unknown }
  if (code !== 'RUN_FAILED' && code !== 'RUN_CANCELLED') throw error
}
