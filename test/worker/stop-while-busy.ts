/** A worker is stopped while an inline handler does not end; the handler ends a little later. The process must exit. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Bed, begun } from '../support/bed.ts'
import { deaf } from './tasks.ts'

const bed = await Bed.make({ worker: { modules: [new URL('./tasks.ts', import.meta.url)] } })
const file = join(bed.folder, 'end')
const run = await bed.client.enqueue(deaf, { file })
await begun(run)
await bed.worker?.stop({ finish: 0, grace: 10 })
writeFileSync(file, '')
await bed.client[Symbol.asyncDispose]()
console.log('stopped')
