/**
 * The large one: 20 workers and 2,000 runs, and five minutes in which something goes wrong every now and then.
 * `npm run chaos -- [--on postgres] [seed]`; with `--reins` 500 schedules of pauses and kills, and 10,000 signals to 100 runs;
 * with `--workflows` 3,000 random ones.
 */
import { parseArgs } from 'node:util'
import { storeKinds } from '../support/bed.ts'
import { chaos } from './chaos.ts'
import { reinsChaos } from './reins-chaos.ts'
import { workflowChaos } from './workflow-chaos.ts'

const { values, positionals } = parseArgs({
  options: {
    on: { type: 'string', default: 'sqlite' },
    reins: { type: 'boolean' },
    workflows: { type: 'boolean' },
  },
  allowPositionals: true,
})
const on = storeKinds.find((kind) => kind === values.on)
if (!on) throw new Error(`--on takes ${storeKinds.join(' or ')}`)
const seed = Number(positionals[0] ?? Date.now() % 2 ** 31)
console.log(`on ${on}, seed ${seed}`)
const reins = { workers: 5, schedules: 500, atOnce: 12, hearers: 100, signals: 100 }
const settings = { workers: 20, runs: 2000, longestMs: 800, harms: 400, harmEveryMs: 1500 }
const flows = { workers: 4, workflows: 3000, atOnce: 12, killEveryMs: 400 }
if (values.workflows) console.log(await workflowChaos({ on, seed, ...flows }))
else if (values.reins) console.log(await reinsChaos({ on, seed, ...reins }))
else console.log(await chaos({ on, seed, ...settings }))
