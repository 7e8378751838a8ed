/**
 * The demo's worker, a process of its own: `node demo/worker.ts <store URL>`.
 * It ends when it is told to, or when the channel to the demo closes because the demo is gone.
 */
import { startWorker } from '../src/index.ts'

const [url = ''] = process.argv.slice(2)
const worker = await startWorker(url, {
  modules: ['./tasks.ts', './index-folder.ts'].map((path) => new URL(path, import.meta.url)),
  concurrency: 4,
})

process.once('disconnect', () => void end())
process.once('SIGTERM', () => void end())
process.send?.('ready')

async function end(): Promise<void> {
  await worker.stop({ finish: 0, grace: '1s' })
  if (process.connected) process.disconnect()
}
