/**
 * Random workflows on a real store, against an oracle. More of them: `MODEL_RUNS=5000 node --test test/model/workflows.test.ts`.
 * A failure prints its seed and path: give them as `MODEL_SEED` and `MODEL_PATH` to see it again.
 */
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { type OpenPlace, postgresPlace, sqlitePlace, StoreBed } from '../store/bed.ts'
import { FlowPlay, happenings } from './flow-play.ts'
import { shape } from './graphs.ts'

const { MODEL_RUNS, MODEL_SEED, MODEL_PATH } = process.env

/** How many workflows each store plays in a test run. */
const stores: readonly (readonly [string, number, OpenPlace])[] = [
  ['sqlite', 150, ({ now }) => sqlitePlace({ now })],
  ['postgres', 40, ({ now }) => postgresPlace({ now })],
]

suite('whatever happens to workflows and their runs', () => {
  for (const [name, count, open] of stores)
    test(
      `${name}: each comes to its end, and to what the oracle says`,
      { timeout: 3_600_000 },
      async (t) => {
        await using bed = await StoreBed.make(open)
        const settings = {
          numRuns: Number(MODEL_RUNS ?? count),
          ...(MODEL_SEED === undefined ? {} : { seed: Number(MODEL_SEED) }),
          ...(MODEL_PATH === undefined ? {} : { path: MODEL_PATH }),
        }
        const game = fc.record({ shape, happenings, isRetried: fc.boolean() })
        await fc.assert(
          fc.asyncProperty(game, (played) => FlowPlay.play(bed, played)),
          settings,
        )
        t.diagnostic(`${settings.numRuns} workflows`)
      },
    )
})
