/** The large one: 200 kills over 20 workers and 2,000 runs. `npm run chaos [seed]`. */
import { chaos } from './chaos.ts'

const seed = Number(process.argv[2] ?? Date.now() % 2 ** 31)
console.log(`seed ${seed}`)
console.log(await chaos({ workers: 20, runs: 2000, kills: 200, killEveryMs: 800, seed }))
