import { suite, test } from 'node:test'
import { defaultKind } from '../support/bed.ts'
import { reinsChaos } from './reins-chaos.ts'

const small = { workers: 2, schedules: 6, atOnce: 3, hearers: 4, signals: 30 }

suite('whatever is paused, resumed, signalled and killed at random', () => {
  // `npm run chaos -- --reins` has the large one, on either store.
  for (const on of [defaultKind])
    test(`${on}: each item that was kept is done once, each signal is dealt with once and in order, and no reply is lost`, async (t) => {
      const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 2 ** 31)
      t.diagnostic(`CHAOS_SEED=${seed}`)
      t.diagnostic(JSON.stringify(await reinsChaos({ on, seed, ...small })))
    })
})
