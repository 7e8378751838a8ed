/** Workflows through the client and a worker, on both stores. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { chain, chord, group, map, step } from '../../src/index.ts'
import { Bed, eventually, storeless, type StoreKind } from '../support/bed.ts'
import * as tasks from './workflow-tasks.ts'

const modules = [new URL('./workflow-tasks.ts', import.meta.url)]
const patience = { timeout: '60s' } as const
const running = 100
const many = 10_000

export function workflowsSuite(on: StoreKind): void {
  suite(`workflows, and a worker on ${on}`, () => {
    let bed: Bed
    before(async () => {
      const worker = { modules, concurrency: { inline: running, thread: 2, process: 2 } }
      bed = await Bed.make({ on, by: 'ada', worker })
    })
    after(() => bed[Symbol.asyncDispose]())

    const linesOf = (file: string): string[] =>
      existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []

    test('a chord of steps in every isolation comes to its result', storeless(on), async () => {
      const part = (n: number) => chain([step(tasks.inProcess, n), tasks.inThread])
      const flow = await bed.client.startWorkflow(chord([part(1), part(2), part(3)], tasks.sum))
      assert.equal(await flow.result(patience), 90)
    })

    test(`a cancel of ${many} members, ${running} of which run, is confirmed for all, and the others never start`, async () => {
      const { client } = bed
      const members = Array.from({ length: many }, () => step(tasks.obedient))
      const before = tasks.obeying.begun
      const flow = await client.startWorkflow(chain([group(members), tasks.sum as never]))
      await eventually(async () => (await flow.get()).counts.running === running, 'they run')
      const stop = await flow.cancel({ reason: 'enough', grace: '60s', timeout: '120s' })
      assert.deepEqual([stop.answer, stop.status], ['requested', 'cancelled'])
      const counts = { cancelled: many + 1, completed: 0, running: 0, queued: 0, waiting: 0 }
      const now = await flow.get()
      assert.partialDeepStrictEqual(now.counts, counts)
      const modes: Record<string, number> = {}
      for (let cursor: string | null = null, isFirst = true; isFirst || cursor !== null;) {
        const page: Awaited<ReturnType<typeof client.list>> = await client.list(
          { workflow: flow.id },
          { limit: 1000, cursor },
        )
        for (const { stop } of page.runs) {
          assert.equal(stop?.confirmed, true)
          modes[stop.mode] = (modes[stop.mode] ?? 0) + 1
        }
        cursor = page.cursor
        isFirst = false
      }
      assert.deepEqual(modes, { cooperative: running, prevented: many + 1 - running })
      assert.equal(tasks.obeying.begun - before, running)
    })

    test('a run for each of a list goes on where it was paused', storeless(on), async () => {
      const file = join(bed.folder, 'each')
      const inputs = Array.from({ length: 30 }, (_, n) => ({ file, n }))
      const flow = await bed.client.startWorkflow(chain([map(tasks.each, inputs), tasks.squares]))
      await eventually(() => linesOf(file).length > 3, 'some are done')
      const paused = await flow.pause({ reason: 'lunch' })
      assert.equal(paused.status, 'paused')
      await flow.resume()
      assert.equal(await flow.result(patience), 30)
      assert.deepEqual(
        linesOf(file).map(Number),
        Array.from({ length: 30 }, (_, n) => n),
        'each once',
      )
    })

    test('signals to members of a paused workflow reach their handlers after an import, once and in their order', async () => {
      const { client } = bed
      const members = [tasks.collectsInProcess, tasks.collectsInThread, tasks.collectsInline]
      const flow = await client.startWorkflow(group(members.map((one) => step(one, null))))
      await flow.signal('say', 'one')
      const isHeard = async (): Promise<boolean> => {
        const { runs } = await client.list({ workflow: flow.id })
        return runs.every(({ checkpointAt }) => checkpointAt !== null)
      }
      await eventually(isHeard, 'each has heard the first')
      assert.equal((await flow.pause()).status, 'paused')
      for (const word of ['two', 'three']) await flow.signal('say', word)
      const rest = await flow.export()
      await flow.cancel({ reason: 'moved' })
      const moved = await client.importWorkflow(rest)
      await moved.signal('say', 'four')
      const all = 'one two three four'
      assert.deepEqual(await moved.result(patience), [all, all, all])
    })

    test('what had completed is rolled back with what it returned', async () => {
      const file = join(bed.folder, 'booked')
      const steps = chain([step(tasks.books, file), tasks.obedient])
      const flow = await bed.client.startWorkflow(steps)
      await eventually(async () => (await flow.get()).counts.completed === 1, 'it is booked')
      const stop = await flow.cancel({ rollback: true, timeout: '60s' })
      assert.equal(stop.workflow?.rollback?.done, 1)
      assert.deepEqual(linesOf(file), ['ticket 7 given back'])
    })
  })
}
