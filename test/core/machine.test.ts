import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { MachineEvent } from '../../src/core/run/events.ts'
import { decide } from '../../src/core/run/machine.ts'
import { freshFacts, type RunFacts, statusOf } from '../../src/core/run/run.ts'
import { stopVerbs } from '../../src/core/run/transitions.ts'
import { asked, boom, eventOf, exit, factsIn, fence, now, retry, running } from './samples.ts'

/** The facts after events that must all be accepted. */
function after(facts: RunFacts, ...events: readonly MachineEvent[]): RunFacts {
  return events.reduce((run, event) => {
    const { run: next, answer } = decide(run, event, now)
    assert.ok(next, `${event.type} was answered ${answer}`)
    return next
  }, facts)
}

const told = asked({ deliveredAt: now - 10 })
const wasDelivered = { deliveredAt: now - 5 }
const failing = eventOf('fail')

suite('a handler that was asked to stop', () => {
  test('ends cancelled, cooperative, when it returns after the request reached it; its result is kept', () => {
    const run = after(told, eventOf('complete'))
    assert.equal(run.state, 'cancelled')
    assert.equal(run.result, '{"ok":true}')
    assert.deepEqual(run.stop, {
      verb: 'cancel',
      mode: 'cooperative',
      confirmed: true,
      reason: 'enough',
      by: 'ada',
      requestedAt: now - 100,
      deliveredAt: now - 10,
      stoppedAt: now,
      sent: [],
      proof: exit,
    })
  })

  test('is known to have heard of it from its end alone, where the delivery was not written before', () => {
    const run = after(asked({}), { ...eventOf('complete'), ...wasDelivered })
    assert.equal(run.state, 'cancelled')
    assert.equal(run.stop?.deliveredAt, now - 5)
  })

  test('ends completed when it returned before the request reached it', () => {
    const run = after(asked({}), eventOf('complete'))
    assert.deepEqual([run.state, run.stop, run.intent], ['completed', null, null])
    assert.equal(decide(run, eventOf('cancel'), now).answer, 'too-late')
  })

  test('ends completed when it was only revoked', () => {
    const run = after(asked({ verb: 'revoke' }), { ...eventOf('complete'), ...wasDelivered })
    assert.equal(run.state, 'completed')
  })

  test('ends cancelled when it throws after the request reached it, and a real error is kept', () => {
    const run = after(told, failing)
    assert.deepEqual([run.state, run.stop?.mode, run.error], ['cancelled', 'cooperative', boom])
  })

  test('leaves no error where it throws only the abort', () => {
    for (const error of [
      { name: 'CheckreinError', message: 'asked', code: 'ATTEMPT_CANCELLED' },
      { name: 'AbortError', message: 'aborted', code: 'ABORT_ERR' },
    ]) {
      assert.equal(after(told, { ...failing, error }).error, null)
    }
  })

  test('gets no further attempt when it fails before the request reached it', () => {
    const run = after(asked({}), failing)
    assert.deepEqual([run.state, run.stop?.mode, run.failures], ['cancelled', 'prevented', 1])
  })

  test('has ended by itself where it gave its slot back, unless it was only to get no further attempt', () => {
    for (const event of [eventOf('park'), eventOf('wait')]) {
      const stops = stopVerbs.map((verb) => after(asked({ verb }), event).stop?.mode)
      assert.deepEqual(stops, ['prevented', 'cooperative', 'cooperative', 'cooperative'])
    }
  })

  test('has failed when its last attempt fails before the request reached it', () => {
    const run = after({ ...asked({}), failures: 2 }, failing)
    assert.deepEqual([run.state, run.stop], ['failed', null])
  })

  test('ends cancelled, forced, with the exit of its isolate for proof', () => {
    const { stop, state } = after(asked({}), eventOf('stop'))
    assert.deepEqual(
      [state, stop?.mode, stop?.confirmed, stop?.proof],
      ['cancelled', 'forced', true, exit],
    )
  })

  test('is not stopped when nobody asked', () => {
    assert.equal(decide(running, eventOf('stop'), now).answer, 'refused')
  })

  test('is cancelled when a worker that shuts down hands it back', () => {
    const { state, stop } = after(asked({}), eventOf('release'))
    assert.deepEqual([state, stop?.mode], ['cancelled', 'cooperative'])
  })

  test('keeps the first request on record when it is asked again', () => {
    const run = after(asked({}), { ...eventOf('revoke'), reason: 'later' })
    assert.deepEqual([run.intent?.stop?.verb, run.intent?.stop?.reason], ['cancel', 'enough'])
  })

  test('is shown as cancelling, and as unresponsive when the stop is overdue', () => {
    assert.equal(statusOf(asked({})), 'cancelling')
    assert.equal(statusOf(after(asked({}), eventOf('overdue'))), 'unresponsive')
    assert.equal(statusOf(asked({ verb: 'revoke' })), 'running')
    assert.equal(statusOf(asked(null, true)), 'pausing')
    assert.equal(statusOf(asked({}, true)), 'cancelling')
    assert.equal(statusOf(running), 'running')
    assert.equal(statusOf(factsIn.waiting), 'waiting')
  })
})

suite('an attempt that fails', () => {
  test('is followed by another, after its wait, while the task allows', () => {
    const run = after(running, failing)
    assert.deepEqual(
      [run.state, run.runAt, run.failures, run.error],
      ['scheduled', now + 1000, 1, boom],
    )
    assert.deepEqual([run.workerId, run.finishedAt], [null, null])
  })

  test('is the last when none are left', () => {
    assert.equal(after({ ...running, failures: 2 }, failing).state, 'failed')
    assert.equal(after(running, { ...failing, retry: { ...retry, attempts: 1 } }).state, 'failed')
  })

  test('is the last when its error says that no further attempt can help', () => {
    assert.equal(after(running, { ...failing, isRetryable: false }).state, 'failed')
  })

  test('counts apart from one that lost its isolate', () => {
    const crashed = after({ ...running, failures: 2 }, eventOf('crash'))
    assert.deepEqual([crashed.state, crashed.failures, crashed.crashes], ['scheduled', 2, 1])
    const failed = after({ ...running, crashes: 2 }, failing)
    assert.deepEqual([failed.state, failed.failures, failed.crashes], ['scheduled', 1, 2])
  })

  test('by losing its isolate for the last time allowed has failed the run', () => {
    assert.equal(after({ ...running, crashes: 2 }, eventOf('crash')).state, 'failed')
  })

  test('waits longer each time, by its own count', () => {
    const exponential = { ...retry, kind: 'exponential', attempts: 9, crashes: 9 } as const
    const third = after({ ...running, failures: 2, crashes: 5 }, { ...failing, retry: exponential })
    assert.equal(third.runAt, now + 4000)
    const crash = { ...eventOf('crash'), retry: exponential }
    assert.equal(after({ ...running, failures: 5 }, crash).runAt, now + 1000)
  })

  test('does not count when a worker that shuts down handed it back', () => {
    const run = after({ ...running, failures: 2 }, eventOf('release'))
    assert.deepEqual([run.state, run.failures, run.crashes, run.attempt], ['queued', 2, 0, 1])
  })
})

suite('a lease that lapses', () => {
  const lapse = eventOf('lapse')
  test('puts the run back in the queue and counts a crash', () => {
    const run = after(running, lapse)
    assert.deepEqual(
      [run.state, run.crashes, run.workerId, run.error?.code],
      ['queued', 1, null, 'WORKER_LOST'],
    )
  })

  test('fails a run that loses its worker too often', () => {
    const run = after({ ...running, crashes: 2 }, lapse)
    assert.deepEqual([run.state, run.error?.code], ['failed', 'WORKER_LOST'])
  })

  test('cancels a run that was asked to stop, and does not claim that the stop was seen', () => {
    for (const verb of ['revoke', 'abort', 'cancel', 'terminate'] as const) {
      const { state, stop } = after(asked({ verb }), lapse)
      assert.deepEqual([state, stop?.confirmed, stop?.proof], ['cancelled', false, null])
    }
  })

  test('parks a run that was asked to pause', () => {
    const run = after(asked(null, true), lapse)
    assert.deepEqual([run.state, run.pausedFrom, run.intent], ['paused', 'queued', null])
  })
})

suite('a pause', () => {
  test('leads back to where the run was', () => {
    for (const state of ['scheduled', 'queued', 'waiting'] as const) {
      const paused = after(factsIn[state], eventOf('pause'))
      assert.deepEqual([paused.state, paused.pausedFrom], ['paused', state])
      assert.deepEqual(after(paused, eventOf('resume')), factsIn[state])
    }
  })

  test('of a running run parks it at the end of its attempt, whatever the end', () => {
    const pausing = asked(null, true)
    assert.equal(after(pausing, eventOf('park')).pausedFrom, 'queued')
    assert.equal(after(pausing, eventOf('release')).pausedFrom, 'queued')
    assert.equal(after(pausing, eventOf('wait')).pausedFrom, 'waiting')
    const failed = after(pausing, failing)
    assert.deepEqual(
      [failed.state, failed.pausedFrom, failed.runAt],
      ['paused', 'scheduled', now + 1000],
    )
    assert.equal(after(pausing, eventOf('complete')).state, 'completed')
  })

  test('keeps the first request when it is asked twice', () => {
    const run = after(asked(null, true), { ...eventOf('pause'), reason: 'again' })
    assert.equal(run.intent?.pause?.reason, 'lunch')
  })

  test('taken back while it runs leaves no intent', () => {
    assert.equal(after(asked(null, true), eventOf('resume')).intent, null)
    assert.equal(after(asked({}, true), eventOf('resume')).intent?.stop?.verb, 'cancel')
  })

  test('taken back before the run parked lets it go on', () => {
    assert.equal(after(asked(null, true), eventOf('resume'), eventOf('park')).state, 'queued')
  })

  test('yields to a stop', () => {
    assert.equal(after(asked({}, true), eventOf('park')).state, 'cancelled')
    assert.equal(after(asked({}, true), eventOf('release')).state, 'cancelled')
  })
})

suite('a run that waits', () => {
  test('is queued when what it waited for is there', () => {
    const run = after(factsIn.waiting, eventOf('wake'))
    assert.deepEqual([run.state, run.waitsFor], ['queued', null])
  })

  test('waits on for its time when that has not come', () => {
    const run = after({ ...factsIn.waiting, runAt: now + 5 }, eventOf('wake'))
    assert.deepEqual([run.state, run.runAt], ['scheduled', now + 5])
  })

  test('notes the wake while it is paused, and is queued when resumed', () => {
    const woken = after(factsIn.paused, eventOf('wake'))
    assert.deepEqual([woken.state, woken.pausedFrom, woken.waitsFor], ['paused', 'queued', null])
    assert.equal(after(woken, eventOf('resume')).state, 'queued')
  })

  test('gives its slot back and knows what it waits for', () => {
    const run = after(running, eventOf('wait'))
    assert.deepEqual([run.state, run.waitsFor, run.workerId], ['waiting', 'other', null])
  })
})

suite('a time to live', () => {
  test('ends a run that never started', () => {
    const { state, stop } = after(freshFacts, eventOf('expire'))
    assert.deepEqual([state, stop?.verb, stop?.mode], ['cancelled', 'expire', 'prevented'])
  })

  test('does not end a run that has had an attempt', () => {
    assert.equal(decide({ ...freshFacts, attempt: 1 }, eventOf('expire'), now).answer, 'refused')
  })
})

suite('an attempt', () => {
  test('starts with a number one higher than the one before, and with no intent', () => {
    const run = after({ ...freshFacts, attempt: 4 }, eventOf('claim'))
    assert.deepEqual(
      [run.state, run.attempt, run.workerId, run.startedAt, run.intent],
      ['running', 5, 'w9', now, null],
    )
  })

  test('says how far it is without leaving its state', () => {
    const run = after(running, eventOf('progress'))
    assert.deepEqual(run, { ...running, progress: '0.5' })
  })

  test('of a run that was revoked is not told: only a request that it can hear is delivered', () => {
    const revoked = asked({ verb: 'revoke' })
    assert.equal(decide(revoked, eventOf('deliver'), now).answer, 'refused')
  })

  test('keeps the instant at which the request first reached it', () => {
    const run = after(told, { ...eventOf('deliver'), deliveredAt: now + 1 })
    assert.equal(run.intent?.stop?.deliveredAt, now - 10)
  })

  test('is whole after its end: nothing of the attempt is left on the run', () => {
    for (const event of [eventOf('complete'), failing, eventOf('release'), eventOf('lapse')]) {
      const run = after({ ...running, progress: '1' }, event)
      assert.deepEqual([run.workerId, run.intent, run.progress], [null, null, '1'], event.type)
    }
    assert.equal(fence.workerId, running.workerId)
  })
})
