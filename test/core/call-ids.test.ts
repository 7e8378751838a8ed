/** Ids of calls that nobody makes by hand. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  callerOf,
  callOfHold,
  callOfHoldEnd,
  callOfParent,
  callOfReplacement,
  callOfResume,
  callOfTombstone,
  callOfUnreached,
} from '../../src/core/run/call-ids.ts'

const id = '01998a4e-7c21-7d3a-9f00-2f6f1d1b9a10'

const cancel = { verb: 'cancel', children: 'cancel', rollback: false, graceMs: 5000 } as const

suite('the ids of calls', () => {
  test('say of each kind whom the call comes from, whatever the id looks like', () => {
    for (const asker of [id, 'nightly/eu', 'a/b/c-d']) {
      for (const verb of ['pause', 'cancel', 'resume'] as const)
        assert.deepEqual(callerOf(callOfHold(asker, { verb, state: 'running' })), {
          kind: 'hold',
          id: asker,
        })
      assert.deepEqual(callerOf(callOfHoldEnd(asker)), { kind: 'hold', id: asker })
      for (const call of [
        callOfUnreached(asker, 12),
        callOfTombstone(asker),
        callOfResume(asker, 1_764_000_000_000),
      ])
        assert.deepEqual(callerOf(call), { kind: 'workflow', id: asker })
      for (const rollback of [false, true]) {
        const kill = { osSignal: 'SIGINT', killAfterMs: 10 } as const
        const call = callOfParent(asker, { ...cancel, children: 'wait', rollback, kill })
        assert.deepEqual(callerOf(call), { kind: 'parent', id: asker })
      }
      assert.deepEqual(callerOf(callOfReplacement(asker)), { kind: 'call', id: asker })
    }
  })

  test('are the same for the same thing, and differ for any other', () => {
    const calls = [
      callOfHold(id, { verb: 'pause', state: 'running' }),
      callOfHold(id, { verb: 'cancel', state: 'running' }),
      callOfHold(id, { verb: 'pause', state: 'scheduled' }),
      callOfHoldEnd(id),
      callOfUnreached(id, 2),
      callOfUnreached(id, 20),
      callOfTombstone(id),
      callOfResume(id, 2),
      callOfParent(id, cancel),
      callOfParent(id, { ...cancel, rollback: true }),
      callOfParent(id, { ...cancel, graceMs: 10 }),
      callOfParent(id, { ...cancel, kill: { osSignal: 'SIGINT', killAfterMs: null } }),
      callOfParent(id, { ...cancel, kill: { osSignal: null, killAfterMs: 10 } }),
      callOfParent(id, { ...cancel, verb: 'terminate' }),
    ]
    assert.equal(new Set(calls).size, calls.length)
    assert.equal(callOfTombstone(id), callOfTombstone(id))
  })
})
