/** Verbs on many runs, with a million queued. */
import { Bed } from '../test/support/bed.ts'
import { claimingWorker, type Line, median } from './measure.ts'
import * as tasks from './tasks.ts'

const queuedCount = 1_000_000
const cancelledCount = 100_000

export async function controlLines(): Promise<Line[]> {
  await using bed = await Bed.make()
  const { client } = bed
  const claimOf = async (): Promise<number> => {
    const start = performance.now()
    for (let n = 0; n < 20; n++)
      await client.store.claim({
        workerId: 'bench',
        queues: ['default'],
        tasks: ['inline'],
        limit: 100,
      })
    return 2000 / (performance.now() - start)
  }
  await client.store.registerWorker(claimingWorker)
  await enqueue(bed, 3000, [])
  const shallow = await claimOf()
  await enqueue(bed, queuedCount - cancelledCount, [])
  await enqueue(bed, cancelledCount, ['victim'])
  const deep = await claimOf()
  const one: number[] = []
  const { runs } = await client.list({ tag: 'victim' }, { limit: 50 })
  for (const { id } of runs) one.push(await ms(() => client.revoke(id)))
  const many = await ms(() => client.cancel({ filter: { tag: 'victim' } }))
  return [
    { what: 'claim 100, a million queued against few', value: deep / shallow, unit: 'x' },
    { what: 'revoke one of a million', value: median(one), unit: 'ms' },
    { what: 'cancel 100,000 by filter, each with its record', value: many, unit: 'ms' },
  ]
}

async function enqueue(bed: Bed, count: number, tags: readonly string[]): Promise<void> {
  const input = { n: 1, text: 'a' }
  for (let n = 0; n < count; n += 1000) {
    await bed.client.enqueueMany(
      tasks.inline,
      Array.from({ length: 1000 }, () => ({ input, tags })),
    )
  }
}

async function ms(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
