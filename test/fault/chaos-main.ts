/**
 * The large one: 20 workers and 2,000 runs, and five minutes in which something goes wrong every now and then.
 * `npm run chaos -- [--on postgres] [seed]`; with `--reins` 500 schedules of pauses and kills, and 10,000 signals to 100 runs.
 */
import { parseArgs } from 'node:util'
import { storeKinds } from '../support/bed.ts'
import { chaos } from './chaos.ts'
import { reinsChaos } from './reins-chaos.ts'

const { values, positionals } = parseArgs({
  options: { on: { type: 'string', default: 'sqlite' }, reins: { type: 'boolean' } },
  allowPositionals: true,
})
const on = storeKinds.find((kind) => kind === values.on)
if (!on) throw new Error(`--on takes ${storeKinds.join(' or ')}`)
const seed = Number(positionals[0] ?? Date.now() % 2 ** 31)
console.log(`on ${on}, seed ${seed}`)
const reins = { workers: 5, schedules: 500, atOnce: 12, hearers: 100, signals: 100 }
const settings = { workers: 20, runs: 2000, longestMs: 800, harms: 400, harmEveryMs: 1500 }
console.log(
  values.reins ? await reinsChaos({ on, seed, ...reins }) : await chaos({ on, seed, ...settings }),
)
