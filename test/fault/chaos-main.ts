/**
 * The large one: 20 workers and 2,000 runs, and five minutes in which something goes wrong every now and then.
 * `npm run chaos -- [--on postgres] [seed]`.
 */
import { parseArgs } from 'node:util'
import { storeKinds } from '../support/bed.ts'
import { chaos } from './chaos.ts'

const { values, positionals } = parseArgs({
  options: { on: { type: 'string', default: 'sqlite' } },
  allowPositionals: true,
})
const on = storeKinds.find((kind) => kind === values.on)
if (!on) throw new Error(`--on takes ${storeKinds.join(' or ')}`)
const seed = Number(positionals[0] ?? Date.now() % 2 ** 31)
console.log(`on ${on}, seed ${seed}`)
const settings = { workers: 20, runs: 2000, longestMs: 800, harms: 400, harmEveryMs: 1500 }
console.log(await chaos({ on, seed, ...settings }))
