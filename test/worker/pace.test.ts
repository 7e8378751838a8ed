import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Backlog } from '../../src/worker/backlog.ts'
import { Pace } from '../../src/worker/pace.ts'
import type { ClaimedRun } from '../../src/store/store.ts'
import { eventually } from '../support/bed.ts'

/** Ends attempts until a window is full. */
function end(pace: Pace, durationMs: number): void {
  const until = performance.now() + 12
  while (performance.now() < until) pace.tick(durationMs)
}

suite('claiming ahead', () => {
  test('pays for a task whose attempts are over in no time', () => {
    const pace = new Pace(2)
    assert.equal(pace.lookahead, 0)
    end(pace, 0.1)
    assert.ok(pace.lookahead > 0)
  })

  test('ends where attempts take longer', () => {
    const pace = new Pace(2)
    end(pace, 0.1)
    end(pace, 20)
    assert.equal(pace.lookahead, 0)
  })

  test('gives a run back that has waited too long for its slot', async () => {
    const backlog = new Backlog(2)
    const run = { id: 'a' } as ClaimedRun
    backlog.add('process', run)
    assert.deepEqual(backlog.takeStale(), [])
    let taken: readonly ClaimedRun[] = []
    await eventually(() => (taken = backlog.takeStale()).length > 0, 'the run is given back')
    assert.deepEqual(taken, [run])
    assert.equal(backlog.size, 0)
  })

  test('lets a run be taken out before it starts', () => {
    const backlog = new Backlog(2)
    backlog.add('inline', { id: 'a' } as ClaimedRun)
    backlog.add('inline', { id: 'b' } as ClaimedRun)
    assert.equal(backlog.take('a')?.id, 'a')
    assert.equal(backlog.take('a'), undefined)
    assert.equal(backlog.next('inline')?.id, 'b')
  })
})
