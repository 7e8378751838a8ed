/** The demo from beginning to end. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client, Run } from '../src/index.ts'
import type { Crew } from './crew.ts'
import { count, ms, paint, seconds, size, volume } from './format.ts'
import { mostFiles, type Selection } from './folder.ts'
import { type FolderResult, indexFolder } from './index-folder.ts'
import type { DemoOptions } from './options.ts'
import { descendantsOf, livingOf } from './processes.ts'
import { Promises } from './promises.ts'
import { type FolderRun, pauseAndResume, slowDown } from './reins.ts'
import { slack } from './slack.ts'
import { soon } from './soon.ts'
import {
  cancelAll,
  checkNothingLives,
  checkStops,
  graceMs,
  reason,
  type Stopped,
  stoppedLine,
  suspectsOf,
  type Victim,
} from './stops.ts'
import * as tasks from './tasks.ts'
import { verify } from './verify.ts'
import type { View } from './view.ts'
import { Watch } from './watch.ts'
import type { WorkerProcess } from './worker-process.ts'

/** How long the runs go on before three of them are cancelled. */
const quietMs = 3000
/** The longest silence of the folder run that still counts as regular; it reports four times a second. */
const longestSilenceMs = 2000 * slack

export interface Stage {
  readonly client: Client
  readonly crew: Crew
  /** The first of them. */
  readonly worker: WorkerProcess
  readonly view: View
  /** Where the demo may write. */
  readonly scratch: string
  readonly options: DemoOptions
  readonly selection: Selection
  readonly abortSignal: AbortSignal
}

/** @returns how many promises were broken. */
export async function play(stage: Stage): Promise<number> {
  const beganAt = Date.now()
  const promises = new Promises()
  const { client, view, abortSignal } = stage
  introduce(stage)
  const watching = new AbortController()
  const watch = new Watch(client, view)
  const folder = await startFolder(stage)
  const others = await startOthers(stage)
  const followed = watch.follow(
    [folder.handle, ...others.map(({ handle }) => handle)],
    watching.signal,
  )
  followed.catch(() => undefined)

  const victims = await meet(others, watch, abortSignal)
  await pause(quietMs, undefined, { signal: abortSignal })
  const stopped = await stopThem(stage, victims, promises)
  await checkPolite(stage, victims, promises)
  checkBeat(watch, { run: await folder.handle.get(), stopped }, promises)

  const scene = { ...stage, watch, folder, promises }
  await pauseAndResume(scene, await slowDown(scene))
  // A small folder is gone over again and again until it is told so.
  await folder.handle.signal('enough')
  view.say('')
  view.say('The folder run goes on to its end.')
  const result = await folder.handle.result({ abortSignal })
  checkAttempts(await folder.handle.get(), promises)
  watching.abort()
  await followed.catch(() => undefined)
  view.show([])
  await checkWork(stage, { ...folder, result, beganAt }, promises)
  await endWorkers(stage, victims, promises)
  for (const pid of stage.options.suspects) {
    promises.check(
      `process ${pid} (--suspect) is gone`,
      livingOf({ pids: [pid], groups: [] }).length === 0,
    )
  }
  sumUp(view, promises, Date.now() - beganAt)
  return promises.brokenCount
}

function introduce({ view, options, worker, selection, scratch }: Stage): void {
  const { files, bytes, leftOutCount, isCut } = selection
  const left = [
    ...(leftOutCount > 0
      ? [`${count(leftOutCount)} don't fit into --limit ${size(options.limitBytes)}`]
      : []),
    ...(isCut ? [`those after the first ${count(mostFiles)} are left out`] : []),
  ]
  const rest = left.length > 0 ? ` (${left.join('; ')})` : ''
  view.say(`folder   ${options.folder}: ${count(files.length)} files, ${size(bytes)}${rest}`)
  view.say(`store    ${join(scratch, 'demo.db')}`)
  view.say(
    `worker   pid ${worker.pid}; the demo is pid ${process.pid}: what it asks crosses processes`,
  )
}

async function startFolder({ client, options, scratch }: Stage): Promise<FolderRun> {
  const { folder, limitBytes, faults } = options
  const input = { folder, limitBytes, faults, manifest: join(scratch, 'manifest.txt') }
  return { handle: await client.enqueue(indexFolder, input), input }
}

const scratchFile = (stage: Stage): string => join(stage.scratch, 'polite.txt')

async function startOthers(stage: Stage): Promise<readonly Omit<Victim, 'pids'>[]> {
  const { client } = stage
  const scratch = scratchFile(stage)
  const forced = { expected: 'forced' } as const
  return [
    { ...forced, name: tasks.cpuLoop.name, handle: await client.enqueue(tasks.cpuLoop) },
    { ...forced, name: tasks.grandchild.name, handle: await client.enqueue(tasks.grandchild) },
    {
      expected: 'cooperative',
      name: tasks.polite.name,
      handle: await client.enqueue(tasks.polite, { scratch }),
    },
  ]
}

/** Waits until they have said which processes are theirs. */
async function meet(
  others: readonly Omit<Victim, 'pids'>[],
  watch: Watch,
  abortSignal: AbortSignal,
): Promise<readonly Victim[]> {
  return soon('the runs start', abortSignal, (late) =>
    Promise.all(
      others.map(async (other) => ({ ...other, pids: await watch.pidsOf(other.handle, late) })),
    ),
  )
}

async function stopThem(
  stage: Stage,
  victims: readonly Victim[],
  promises: Promises,
): Promise<readonly Stopped[]> {
  const { view, abortSignal } = stage
  const suspects = suspectsOf(victims)
  const before = livingOf(suspects)
  const names = victims.map(({ name }) => name).join(', ')
  view.say('')
  view.say(`Cancelling ${names}: grace ${seconds(graceMs)}, “${reason}”`)
  const stopped = await cancelAll(victims, abortSignal)
  // The look comes at once: what is confirmed must be true already.
  checkNothingLives(suspects, before, promises)
  for (const one of stopped) view.say(stoppedLine(one))
  await checkStops(stopped, promises)
  return stopped
}

async function checkPolite(
  stage: Stage,
  victims: readonly Victim[],
  promises: Promises,
): Promise<void> {
  const handle = victims.find(({ name }) => name === tasks.polite.name)?.handle
  const { lines = 0 } = ((await handle?.get())?.result ?? {}) as { lines?: number }
  promises.check(
    `polite: removed its scratch file, and its partial result is kept (${count(lines)} lines)`,
    !existsSync(scratchFile(stage)) && lines > 0,
  )
}

interface Undisturbed {
  readonly run: Run
  readonly stopped: readonly Stopped[]
}

function checkBeat(watch: Watch, { run, stopped }: Undisturbed, promises: Promises): void {
  const records = stopped.flatMap(({ outcome }) => outcome.stop ?? [])
  const from = Math.min(...records.map(({ requestedAt }) => requestedAt))
  const to = Math.max(...records.map(({ stoppedAt }) => stoppedAt))
  const { attempt, failures, crashes } = run
  promises.check(
    `index-folder: went on through the stops, in its first attempt (${count(crashes)} crashes)`,
    attempt === 1 && failures === 0 && crashes === 0 && run.state === 'running',
  )
  const silenceMs = watch.longestSilenceMs(run, { from, to })
  promises.check(
    `index-folder: never missed a beat: silent for ${ms(silenceMs)} at most during the stops (reports each 250 ms)`,
    silenceMs <= longestSilenceMs,
  )
}

function checkAttempts({ attempt, failures, crashes }: Run, promises: Promises): void {
  promises.check(
    `index-folder: completed in ${count(attempt)} attempts, one before the pause and one after it (${count(failures)} failures, ${count(crashes)} crashes)`,
    attempt === 2 && failures === 0 && crashes === 0,
  )
}

async function checkWork(
  { view }: Stage,
  {
    input,
    result,
    beganAt,
  }: FolderRun & { readonly result: FolderResult; readonly beganAt: number },
  promises: Promises,
): Promise<void> {
  const passes = result.passes > 1 ? `, gone over ${count(result.passes)} times` : ''
  view.say(`The folder run is done: ${volume(result)}${passes}`)
  view.say(`  longest wait between two pieces of work ${ms(result.longestGapMs)}`)
  view.say(`  SHA-256 of its manifest ${result.digest}`)
  const { files, bytes, wrong, changed, isSealed } = await verify(input, result, beganAt)
  const meanwhile =
    changed.length > 0 ? `; ${count(changed.length)} were changed by others meanwhile` : ''
  const isWrong =
    wrong.length > 0 ? `; WRONG: ${wrong.slice(0, 3).join(', ')} (${count(wrong.length)})` : ''
  promises.check(
    `index-folder: the demo read all ${count(files)} files (${size(bytes)}) again, every digest is right${meanwhile}${isWrong}`,
    isSealed && wrong.length === 0,
  )
}

/** Ends the worker, and looks for all that it and the one before it had started. */
async function endWorkers(
  { crew }: Stage,
  victims: readonly Victim[],
  promises: Promises,
): Promise<void> {
  const handlers = victims.map(({ pids }) => pids.handler)
  const groups = [...crew.pids, ...handlers]
  const started = crew.pids.flatMap((pid) => descendantsOf(pid))
  await crew.stop()
  const left = livingOf({
    pids: [...groups, ...started, ...victims.flatMap(({ pids }) => pids.started)],
    groups,
  })
  const found = left.length === 0 ? 'nothing' : left.join(', ')
  promises.check(
    `the worker ended when it was told to, and left ${found} behind`,
    left.length === 0,
  )
}

function sumUp(view: View, promises: Promises, tookMs: number): void {
  view.say('')
  for (const line of promises.lines()) view.say(line)
  view.say('')
  view.say(`${paint('bold', promises.summary())}, in ${seconds(tookMs)}.`)
}
