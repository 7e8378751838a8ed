import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Prefetched } from '../../src/worker/claiming/prefetched.ts'
import { Pace } from '../../src/worker/attempt/pace.ts'
import type { ClaimedRun } from '../../src/store/store.ts'

/** A time that passes when it is told to. */
class HeldTime {
  #ms = 0
  readonly now = (): number => this.#ms

  pass(ms: number): void {
    this.#ms += ms
  }
}

/** Ends attempts, one after the other, for so long. */
function end(
  pace: Pace,
  time: HeldTime,
  { durationMs, forMs }: { durationMs: number; forMs: number },
): void {
  for (let n = 0; n * durationMs < forMs; n++) {
    time.pass(durationMs)
    pace.tick(durationMs)
  }
}

suite('claiming ahead', () => {
  test('pays for a task whose attempts are over in no time', () => {
    const time = new HeldTime()
    const pace = new Pace(2, time.now)
    assert.equal(pace.lookahead, 0)
    end(pace, time, { durationMs: 0.125, forMs: 10 })
    assert.equal(pace.lookahead, 64, 'what is over in 8 ms')
  })

  test('ends where attempts take longer', () => {
    const time = new HeldTime()
    const pace = new Pace(2, time.now)
    end(pace, time, { durationMs: 0.125, forMs: 10 })
    end(pace, time, { durationMs: 20, forMs: 20 })
    assert.equal(pace.lookahead, 0)
  })

  test('ends where none has ended for a while', () => {
    const time = new HeldTime()
    const pace = new Pace(2, time.now)
    end(pace, time, { durationMs: 0.125, forMs: 10 })
    time.pass(51)
    assert.equal(pace.lookahead, 0)
  })

  test('gives a run back that has waited too long for its slot', () => {
    const time = new HeldTime()
    const prefetched = new Prefetched(2, time.now)
    const run = { id: 'a' } as ClaimedRun
    prefetched.add('process', run)
    time.pass(25)
    assert.deepEqual(prefetched.takeStale(), [])
    time.pass(1)
    assert.deepEqual(prefetched.takeStale(), [run])
    assert.equal(prefetched.size, 0)
  })

  test('lets a run be taken out before it starts', () => {
    const prefetched = new Prefetched(2)
    prefetched.add('inline', { id: 'a' } as ClaimedRun)
    prefetched.add('inline', { id: 'b' } as ClaimedRun)
    assert.equal(prefetched.take('a')?.id, 'a')
    assert.equal(prefetched.take('a'), undefined)
    assert.equal(prefetched.next('inline')?.id, 'b')
  })
})
