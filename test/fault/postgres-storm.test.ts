import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../../src/index.ts'
import { Bed } from '../support/bed.ts'
import { Fleet } from './fleet.ts'
import * as tasks from './storm-tasks.ts'

const modules = [new URL('./storm-tasks.ts', import.meta.url).href]
const workerCount = 4
/** `STORM_RUNS=10000` makes the large one. */
const runCount = Number(process.env['STORM_RUNS'] ?? 2000)
const patience = { timeout: 300_000 }

suite('a storm of requests to as many running runs', () => {
  test('is delivered, each to its handler, and no heartbeat is late', patience, async (t) => {
    await using bed = await Bed.make({ on: 'postgres' })
    await using fleet = new Fleet()
    const concurrency = { inline: runCount / workerCount + 100 }
    const except = ['attempt-started', 'attempt-ended'] as const
    const settings = { url: bed.url, modules, spares: 0, concurrency, except }
    for (let n = 0; n < workerCount; n++) await fleet.start(settings)
    const inputs = Array.from({ length: runCount }, () => ({ input: undefined }))
    const runs = await bed.client.enqueueMany(tasks.patient, inputs)
    await allAre('running', bed.client)

    const leases = watchLeases(bed.client)
    const startedAt = performance.now()
    const asked = await Promise.all(runs.map((run) => run.abort()))
    const askedMs = performance.now() - startedAt
    await allAre('cancelled', bed.client)
    const endedMs = performance.now() - startedAt
    const leastLeftMs = await leases.least()

    t.diagnostic(
      `${Math.round((runCount / askedMs) * 1000)} requests a second; all had ended after ${Math.round(endedMs)} ms; ` +
        `no lease had less than ${leastLeftMs} ms left of 15,000`,
    )
    assert.deepEqual(new Set(asked.map(({ answer }) => answer)), new Set(['requested']))
    assert.deepEqual(await stopModes(bed.client), new Set(['cooperative']))
    assert.ok(leastLeftMs > 0)
    assert.deepEqual(
      fleet.workers.flatMap(({ events }) => events.filter(({ type }) => type !== 'started')),
      [],
    )
  })
})

async function allAre(state: 'running' | 'cancelled', client: Client): Promise<void> {
  while ((await client.counts())[state] < runCount) await pause(20)
}

async function stopModes(client: Client): Promise<Set<string | undefined>> {
  const modes = new Set<string | undefined>()
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await client.list({}, { limit: 1000, ...(cursor ? { cursor } : {}) })
    for (const { stop } of page.runs) modes.add(stop?.mode)
    cursor = page.cursor
  }
  return modes
}

/** Looks at the leases of all workers again and again, for the one that has least left. */
function watchLeases(client: Client): { least(): Promise<number> } {
  let isOver = false
  const watch = async (): Promise<number> => {
    let leastMs = Infinity
    while (!isOver) {
      for (const { leaseLeftMs } of await client.workers()) leastMs = Math.min(leastMs, leaseLeftMs)
      await pause(50)
    }
    return leastMs
  }
  const watching = watch()
  return {
    least() {
      isOver = true
      return watching
    },
  }
}
