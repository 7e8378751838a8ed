import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { storeKinds } from '../support/bed.ts'
import { chaos } from './chaos.ts'

const small = { workers: 5, runs: 60, longestMs: 300, harms: 12, harmEveryMs: 400 }

suite('whatever is killed, stopped and cut off at random', () => {
  for (const on of storeKinds)
    test(`${on}: every run ends exactly once, none is lost, and no two attempts of a run overlap`, async (t) => {
      const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 2 ** 31)
      const report = await chaos({ on, seed, ...small })
      t.diagnostic(`CHAOS_SEED=${seed} ${JSON.stringify(report)}`)
      assert.equal(report.completed + report.cancelled, small.runs)
    })
})
