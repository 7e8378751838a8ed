/** Enqueue, wait for the result, cancel: `node examples/quickstart/main.ts`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, startWorker } from '../../src/index.ts'
import { greet, nap, spin } from './tasks.ts'

const folder = mkdtempSync(join(tmpdir(), 'checkrein-quickstart-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

await using reins = await connect(`sqlite:${join(folder, 'work.db')}`)
await using _worker = await startWorker(reins, {
  modules: [new URL('./tasks.ts', import.meta.url)],
})

const greeting = await reins.enqueue(greet, { name: 'Ada' })
console.log(await greeting.result())

const endless = await reins.enqueue(spin)
for await (const { type } of endless.events()) if (type === 'progress') break
const stop = await endless.cancel({ reason: 'closed the tab', grace: '1s' })
console.log(
  `spin: ${stop.mode}, ${stop.confirmed ? 'confirmed' : 'not confirmed'}, ended by ${stop.stop?.proof?.osSignal}`,
)

const later = await reins.enqueue(nap, { ms: 600_000 }, { delay: '1h' })
const prevented = await later.cancel()
console.log(`nap: ${prevented.mode}`)
