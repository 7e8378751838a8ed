/** A worker for the operations: `STORE=sqlite:runs.db TABLE=operations.db node examples/operations/worker.ts`; as many as you like. */
import { startWorker } from '../../src/index.ts'

const worker = await startWorker(process.env['STORE'] ?? 'sqlite:runs.db', {
  modules: [new URL('./tasks.ts', import.meta.url)],
  concurrency: 4,
  lease: '3s',
})
console.log('works')
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => void worker.stop())
