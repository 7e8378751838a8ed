/** Enqueues, claims and completes until it has done so much; says each id whose enqueue was acknowledged, and each whose end was. */
import { writeSync } from 'node:fs'
import { openStore } from '../../src/store/open.ts'
import { plainEnd, plainRun, plainWorker } from '../store/bed.ts'

const [url = '', name = '', count = '0'] = process.argv.slice(2)
const store = await openStore(url)
await store.registerWorker({ ...plainWorker, id: name, leaseMs: 3_600_000 })

const say = (line: string): unknown => writeSync(1, `${line}\n`)

for (let round = 0; round < Number(count); round++) {
  await Promise.all([0, 1, 2].map((n) => enqueue(`${name}-${round}-${n}`)))
  const request = { workerId: name, queues: ['default'], tasks: ['work'], limit: 2 }
  for (const { id, attempt } of await store.claim(request)) {
    const fence = { runId: id, attempt, workerId: name }
    await store.apply([{ runId: id, event: { type: 'complete', fence, result: '1', ...plainEnd } }])
    say(`completed ${id}`)
  }
}
await store[Symbol.asyncDispose]()

async function enqueue(id: string): Promise<void> {
  await store.enqueue([{ ...plainRun, id, tags: [name], input: JSON.stringify('x'.repeat(500)) }])
  say(`enqueued ${id}`)
}
