import { suite, test } from 'node:test'
import { storeKinds } from '../support/bed.ts'
import { workflowChaos } from './workflow-chaos.ts'

const small = { workers: 2, workflows: 36, atOnce: 12, killEveryMs: 400 }

suite('workflows whose workers are killed at random', () => {
  // `npm run chaos -- --workflows` has the large one.
  for (const on of storeKinds)
    test(`${on}: each comes to its end, and to what the oracle says`, async (t) => {
      const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 2 ** 31)
      t.diagnostic(`CHAOS_SEED=${seed}`)
      t.diagnostic(JSON.stringify(await workflowChaos({ on, seed, ...small })))
    })
})
