/** The third and fourth scene: the folder run is slowed down by a signal, paused, and resumed on another worker. */
import { appendFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client, OutputOf, Run, RunHandle, SignalsOf } from '../src/index.ts'
import type { Crew } from './crew.ts'
import { count, ms, seconds } from './format.ts'
import type { FolderInput, FolderProgress, FolderState, indexFolder } from './index-folder.ts'
import { descendantsOf, livingOf } from './processes.ts'
import type { Promises } from './promises.ts'
import { soon } from './soon.ts'
import { slack } from './slack.ts'
import { by } from './stops.ts'
import type { View } from './view.ts'
import type { Watch } from './watch.ts'
import type { WorkerProcess } from './worker-process.ts'

/** How long a pause may take, with a checkpoint after each piece of work. */
const parkWithinMs = 2000 * slack
/** How long the isolates of a worker that was killed may live on. */
const orphansWithinMs = 2000 * slack
/** How much faster than it was told a pace may seem, measured over a second. */
const tolerance = 1.3

export interface FolderRun {
  readonly handle: RunHandle<OutputOf<typeof indexFolder>, SignalsOf<typeof indexFolder>>
  readonly input: FolderInput
}

export interface Scene {
  readonly client: Client
  readonly crew: Crew
  readonly worker: WorkerProcess
  readonly view: View
  readonly watch: Watch
  readonly folder: FolderRun
  readonly promises: Promises
  readonly abortSignal: AbortSignal
}

const rate = (perSecond: number): string => `${count(perSecond)} pieces a second`

/** Tells the run to do an eighth of what it does. @returns how many pieces a second it may do. */
export async function slowDown({ view, watch, folder, promises, abortSignal }: Scene) {
  const { handle } = folder
  const pace = (since: number): Promise<number> =>
    soon('reports of the folder run', abortSignal, (late) => watch.paceOf(1, since, late))
  const before = await pace(Date.now() - 2000)
  const limit = Math.max(1, Math.round(before / 8))
  view.say('')
  view.say(`The folder run does ${rate(before)} (a piece: a file, or 256 KiB of a larger one).`)
  view.say(`Signal throttle: ${count(limit)} at most`)
  const sentAt = performance.now()
  const signal = await handle.signal('throttle', limit, { by })
  const reply = await signal.reply<number>({ timeout: '30s', abortSignal })
  const tookMs = performance.now() - sentAt
  view.say(`  its handler replies: ${count(reply)}, after ${ms(tookMs)}`)
  const after = await pace(Date.now())
  view.say(`  seen: ${rate(after)}`)
  promises.check(
    `throttle: the handler took the signal, and replied with the new speed (${ms(tookMs)})`,
    reply === limit,
  )
  promises.check(
    `index-folder: slower, as it was told: from ${count(before)} to ${rate(after)}, ${count(limit)} at most`,
    isWithin(after, limit) && after < before,
  )
  return limit
}

const isWithin = (pace: number, limit: number): boolean => pace <= limit * tolerance

/** Pauses the run, kills its worker with -9, starts another, and resumes the run. @param limit what it was told before. */
export async function pauseAndResume(scene: Scene, limit: number): Promise<void> {
  const { view, watch, folder, crew, promises, abortSignal } = scene
  const { handle } = folder
  const paused = await park(scene)
  await killWorker(scene, paused)
  const successor = await crew.hire()
  abortSignal.throwIfAborted()
  view.say(`Another worker is there: pid ${successor.pid}. Resuming`)
  const resumedAt = performance.now()
  const { answer } = await handle.resume({ by })
  const first = await soon('the folder run goes on', abortSignal, (late) =>
    watch.firstOf(paused.attempt + 1, late),
  )
  const tookMs = performance.now() - resumedAt
  const { files, pass, last } = paused.checkpoint as FolderState
  const name = last === null ? '' : ` (${relative(folder.input.folder, last)})`
  view.say(
    `  it goes on after file ${fileNumber(first.from)}${name}, ${ms(tookMs)} after the request`,
  )
  const { workerId } = await handle.get()
  promises.check(
    `resume: went on where it was, on worker ${successor.pid}: after file ${fileNumber(first.from)}; parked after ${fileNumber({ files, pass })}`,
    answer === 'resumed' &&
      first.from.files === files &&
      first.from.pass === pass &&
      workerId !== null &&
      workerId !== paused.heldBy,
  )
  await speedUp(scene, first, limit)
}

/** How far it was: `4,711`, or `2 of pass 17`. */
function fileNumber({ files, pass }: FolderProgress['from']): string {
  return `${count(files)}${pass > 1 ? ` of pass ${count(pass)}` : ''}`
}

type Parked = Run & { readonly heldBy: string | null }

async function park({ client, view, folder, promises, abortSignal }: Scene): Promise<Parked> {
  const { handle } = folder
  const { workerId: heldBy } = await handle.get()
  const reason = 'another worker is to do it'
  view.say('')
  view.say(`Pausing the folder run: “${reason}”`)
  const askedAt = performance.now()
  const outcome = await handle.pause({ reason, by, abortSignal })
  const tookMs = performance.now() - askedAt
  const run = await handle.get()
  const heldCount = (await client.workers()).find(({ id }) => id === heldBy)?.heldCount
  const { files, pass, manifestBytes } = run.checkpoint as FolderState
  view.say(
    `  parked after ${ms(tookMs)}, after file ${fileNumber({ files, pass })}; its manifest has ${count(manifestBytes)} bytes`,
  )
  view.say(`  its worker holds ${heldCount ?? '?'} runs: the slot is free`)
  promises.check(
    `pause: parked within ${ms(parkWithinMs)} (${ms(tookMs)}), its slot is free, and who asked is on record`,
    outcome.state === 'paused' &&
      tookMs <= parkWithinMs &&
      run.workerId === null &&
      heldCount === 0 &&
      run.paused?.by === by &&
      run.paused.reason === reason,
  )
  return { ...run, heldBy }
}

async function killWorker(scene: Scene, paused: Parked): Promise<void> {
  const { worker, view, folder, promises, abortSignal } = scene
  const suspects = [worker.pid, ...descendantsOf(worker.pid)]
  await worker.kill()
  const orphans = suspects.length - 1
  view.say(
    `kill -9 ${worker.pid}: the worker is gone; what it had started (${orphans}) must find out by itself`,
  )
  const left = await leftOf(suspects, abortSignal)
  // A worker that dies in the middle of a write leaves half a line behind: the checkpoint knows better.
  await appendFile(folder.input.manifest, 'half a li')
  view.say('  half a line is added to the manifest, as of a write that was cut')
  const run = await folder.handle.get()
  promises.check(
    `kill -9 of its worker: the run is ${run.state} as before, with its checkpoint; nothing that the worker had started lives after ${seconds(orphansWithinMs)}`,
    run.state === 'paused' &&
      run.checkpointAt === paused.checkpointAt &&
      run.crashes === 0 &&
      left.length === 0,
  )
}

/** The processes that still live when none should. */
async function leftOf(pids: readonly number[], abortSignal: AbortSignal) {
  const untilAt = performance.now() + orphansWithinMs
  for (;;) {
    const left = livingOf({ pids, groups: pids })
    if (left.length === 0 || performance.now() > untilAt) return left
    await pause(20, undefined, { signal: abortSignal })
  }
}

/** The speed that it was told belongs to its checkpoint, so it still holds; then it is told to forget it. */
async function speedUp(
  { view, watch, folder, promises, abortSignal }: Scene,
  { attempt, at }: FolderProgress,
  limit: number,
): Promise<void> {
  const pace = await soon('reports of the folder run', abortSignal, (late) =>
    watch.paceOf(attempt, at, late),
  )
  view.say(`  seen: ${rate(pace)}. Signal throttle: as fast as it can`)
  const signal = await folder.handle.signal('throttle', null, { by })
  const reply = await signal.reply({ timeout: '30s', abortSignal })
  promises.check(
    `index-folder: kept to its speed on the new worker: ${rate(pace)}; and forgot it when it was told to`,
    isWithin(pace, limit) && reply === null,
  )
}
