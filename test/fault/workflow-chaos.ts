/**
 * Random workflows that are paused, resumed, stopped and gone on with while workers are killed with -9: each comes to its end, and to
 * what the oracle says of what its runs have come to.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import * as fc from 'fast-check'
import type { WorkflowHandle } from '../../src/index.ts'
import { alike, type Fate, Oracle, type Shape, shape, written } from '../model/graphs.ts'
import { Bed, type StoreKind } from '../support/bed.ts'
import { Fleet, type WorkerProcess } from './fleet.ts'
import { randomFrom } from './load.ts'
import { resultOfInput } from './workflow-chaos-tasks.ts'

export interface WorkflowChaosOptions {
  readonly on: StoreKind
  readonly seed: number
  readonly workers: number
  readonly workflows: number
  /** How many at a time. */
  readonly atOnce: number
  readonly killEveryMs: number
}

export interface WorkflowChaosReport {
  readonly states: Readonly<Record<string, number>>
  readonly runs: number
  readonly kills: number
  readonly seconds: number
}

const leaseMs = 2500
const asks = ['pause', 'pause', 'resume', 'cancel', 'revoke', 'member', 'wait', 'wait'] as const

interface Play {
  readonly shape: Shape
  readonly steps: readonly { readonly waitMs: number; readonly ask: (typeof asks)[number] }[]
}
const plays: fc.Arbitrary<Play> = fc.record({
  shape,
  steps: fc.array(
    fc.record({ waitMs: fc.integer({ min: 0, max: 60 }), ask: fc.constantFrom(...asks) }),
    { maxLength: 5 },
  ),
})

export async function workflowChaos(options: WorkflowChaosOptions): Promise<WorkflowChaosReport> {
  const startedAt = performance.now()
  const { on, seed, workflows, atOnce, workers, killEveryMs } = options
  await using bed = await Bed.make({ on })
  const ledger = join(bed.folder, 'ledger')
  writeFileSync(ledger, '')
  process.env['WORKFLOW_LEDGER'] = ledger
  await using fleet = new Fleet()
  const modules = [new URL('./workflow-chaos-tasks.ts', import.meta.url).href]
  const launch = (): WorkerProcess =>
    fleet.launch({ url: bed.url, modules, lease: leaseMs, poll: 200, concurrency: { inline: 20 } })
  const crew = Array.from({ length: workers }, launch)
  const random = randomFrom(seed)
  let kills = 0
  const killing = setInterval(() => {
    const at = Math.floor(random() * crew.length)
    // A machine that starts workers more slowly than they are killed would come to no end.
    const ended = crew[at]?.events.filter(({ type }) => type === 'attempt-ended') ?? []
    if (ended.length < 10) return
    crew[at]?.signal('SIGKILL')
    crew[at] = launch()
    kills++
  }, killEveryMs)
  const states: Record<string, number> = {}
  let runs = 0
  const todo = fc.sample(plays, { numRuns: workflows, seed })
  const lane = async (): Promise<void> => {
    for (let play = todo.pop(); play; play = todo.pop()) {
      const ended = await playOne(bed, play, random)
      states[ended.state] = (states[ended.state] ?? 0) + 1
      runs += ended.runs
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane)).finally(() => clearInterval(killing))
  checkLedger(ledger)
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10
  return { states, runs, kills, seconds }
}

async function playOne(
  bed: Bed,
  { shape, steps }: Play,
  random: () => number,
): Promise<{ readonly state: string; readonly runs: number }> {
  const { client } = bed
  const flow = await client.startWorkflow(written(shape) as never, { input: 100 } as never)
  let isStopped = false
  for (const { waitMs, ask } of steps) {
    await pause(waitMs)
    if (ask === 'pause' || ask === 'resume') await client[`${ask}Workflow`](flow.id)
    else if (ask === 'member') await cancelMember(bed, flow, random)
    else if (ask !== 'wait')
      isStopped ||= (await client[`${ask}Workflow`](flow.id)).answer === 'requested'
  }
  await untilEnded(bed, flow)
  return check(bed, flow, { shape, isStopped })
}

async function cancelMember(bed: Bed, { id }: WorkflowHandle, random: () => number): Promise<void> {
  const { runs } = await bed.client.list({ workflow: id }, { limit: 100 })
  const run = runs[Math.floor(random() * runs.length)]
  if (run) await bed.client.cancel(run.id)
}

/** What has paused, by a clause or because somebody asked, is resumed. */
async function untilEnded(bed: Bed, flow: WorkflowHandle): Promise<void> {
  const until = performance.now() + 300_000
  for (;;) {
    const { finishedAt, paused } = await flow.get()
    if (finishedAt !== null) return
    assert.ok(performance.now() < until, `it ends: ${JSON.stringify(await flow.get())}`)
    if (paused !== null) await bed.client.resumeWorkflow(flow.id)
    await pause(100)
  }
}

async function check(
  bed: Bed,
  flow: WorkflowHandle,
  { shape, isStopped }: { readonly shape: Shape; readonly isStopped: boolean },
): Promise<{ readonly state: string; readonly runs: number }> {
  const { state, result, failure } = await flow.get()
  const nodes = await bed.client.store.workflowNodes(flow.id, { after: 0, limit: 5000 })
  const fates = new Map<number, Fate>()
  for (const { node, run } of nodes) {
    if (!run) continue
    const given = run.attempt > run.returned ? [jsonOf(run.input)] : []
    fates.set(node, { state: run.state, result: jsonOf(run.result), given })
    const feed = await bed.client.store.feed({ runId: run.id, after: -1, limit: 1000 })
    const wakes = feed.filter(({ type, data }) => type === 'wake' && data['by'] === 'run')
    assert.ok(wakes.length <= 1, `the turn of node ${node} came ${wakes.length} times`)
    assert.notEqual(run.finishedAt, null)
  }
  const value = new Oracle(shape, resultOfInput).outcome(fates)
  if (value !== undefined && !isStopped) assert.equal(state, 'completed')
  if (state === 'completed') assert.deepEqual(alike(result), alike(value?.is))
  else assert.equal(state === 'cancelled', isStopped || failure?.state === 'cancelled')
  return { state, runs: fates.size }
}

const jsonOf = (text: string | null): unknown => (text === null ? undefined : JSON.parse(text))

/** No attempt begins behind a later one of the same run. */
function checkLedger(file: string): void {
  const last = new Map<string, number>()
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const [id = '', attempt = ''] = line.split(' ')
    assert.ok(Number(attempt) > (last.get(id) ?? 0), `attempt ${attempt} of ${id} is begun again`)
    last.set(id, Number(attempt))
  }
}
