/**
 * Random lives of runs on a real store, against a small model. More of them: `MODEL_RUNS=5000 node --test test/model/`.
 * A failure prints its seed and path: give them as `MODEL_SEED` and `MODEL_PATH` to see it again.
 */
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { type OpenPlace, postgresPlace, sqlitePlace, StoreBed } from '../store/bed.ts'
import { rollbackOn, steps } from './actions.ts'
import { Game } from './play.ts'

const { MODEL_RUNS, MODEL_SEED, MODEL_PATH } = process.env

/** How many sequences each store plays in a test run. */
const stores: readonly (readonly [string, number, OpenPlace])[] = [
  ['sqlite', 150, ({ now }) => sqlitePlace({ now })],
  ['postgres', 25, ({ now }) => postgresPlace({ now })],
]

suite('whatever happens to runs and workers', () => {
  for (const [name, count, open] of stores)
    test(
      `${name}: the store does what the model says, and every run can end`,
      { timeout: 3_600_000 },
      async (t) => {
        await using bed = await StoreBed.make(open)
        const keeper = await bed.place.open()
        const settings = {
          numRuns: Number(MODEL_RUNS ?? count),
          ...(MODEL_SEED === undefined ? {} : { seed: Number(MODEL_SEED) }),
          ...(MODEL_PATH === undefined ? {} : { path: MODEL_PATH }),
        }
        const property = fc.asyncProperty(steps, rollbackOn, (played, causes) =>
          Game.play(bed, keeper, {
            steps: played,
            rollbackOn: causes,
            claimsApart: name === 'postgres',
          }),
        )
        await fc.assert(property, settings)
        t.diagnostic(`${settings.numRuns} sequences`)
      },
    )
})
