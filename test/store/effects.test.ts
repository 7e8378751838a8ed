/** What comes of changes beside them. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Effects } from '../../src/store/changes/effects.ts'
import type { SeqRun } from '../../src/store/rows/runs.ts'
import { asked, eventOf, running } from '../core/samples.ts'

suite('what is written beside the changes of one transaction', () => {
  test('has each end of what was asked of a run once: the first counts', () => {
    const place = { seq: 7, id: 'run', holdsKey: false }
    const of = (facts: typeof running): SeqRun => ({ ...facts, ...place }) as SeqRun
    const effects = new Effects(5)
    const ends = ['paused', 'queued'] as const
    for (const state of ends)
      effects.note(eventOf('park'), of(asked(null, true)), of({ ...running, state }))
    const sent: unknown[] = []
    effects.write({ send: (...all: unknown[]) => void sent.push(all) })
    assert.deepEqual(sent, [['finishControls', [[7, 5, '{"state":"paused"}', null, null]]]])
  })
})
