import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chaos } from './chaos.ts'

test('under random kills every run ends exactly once, none is lost, and no two attempts of a run overlap', async (t) => {
  const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 2 ** 31)
  const report = await chaos({ workers: 5, runs: 250, kills: 25, killEveryMs: 500, seed })
  t.diagnostic(`CHAOS_SEED=${seed} ${JSON.stringify(report)}`)
  assert.equal(report.completed + report.cancelled, 250)
})
