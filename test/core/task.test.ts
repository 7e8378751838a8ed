import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { z } from 'zod'
import { checkedName, isTask, task } from '../../src/core/task/task.ts'
import { has, isUsage } from './errors-of.ts'

const run = () => 1

suite('a task', () => {
  test('has its defaults: a process of its own, one attempt, no limits', () => {
    const defined = task({ name: 'a', run })
    const { name, queue, isolation, timeoutMs, hardTimeoutMs, input, retry } = defined
    assert.deepEqual(
      { name, queue, isolation, timeoutMs, hardTimeoutMs, input, attempts: retry.attempts },
      {
        name: 'a',
        queue: 'default',
        isolation: 'process',
        timeoutMs: null,
        hardTimeoutMs: null,
        input: null,
        attempts: 1,
      },
    )
    assert.ok(Object.isFrozen(defined))
  })

  test('keeps what it was given', () => {
    const input = z.object({ n: z.number() })
    const defined = task({
      name: 'mail/send:v2',
      queue: 'mail',
      isolation: 'thread',
      timeout: '1s',
      hardTimeout: '2s',
      retry: { attempts: 4 },
      input,
      run,
    })
    assert.deepEqual([defined.timeoutMs, defined.hardTimeoutMs], [1000, 2000])
    assert.equal(defined.input, input)
    assert.equal(defined.retry.attempts, 4)
  })

  test('that is not valid is refused when it is defined, with its name', () => {
    const bad: Readonly<Record<string, unknown>> = {
      nothing: undefined,
      'no name': { run },
      'an empty name': { name: '', run },
      'a name with a space': { name: 'a b', run },
      'a name that is too long': { name: 'a'.repeat(201), run },
      'a name that is no text': { name: 5n, run },
      'no handler': { name: 'a' },
      'an unknown isolation': { name: 'a', isolation: 'fork', run },
      'a hard limit inline': { name: 'a', isolation: 'inline', hardTimeout: '1s', run },
      'an isolate of its own inline': { name: 'a', isolation: 'inline', reuseIsolate: false, run },
      'a flag that is none': { name: 'a', reuseIsolate: 'no', run },
      'a limit of nothing': { name: 'a', timeout: 0, run },
      'a limit that no timer can count': { name: 'a', timeout: '25d', run },
      'a schema that is none': { name: 'a', input: {}, run },
      'a schema that is null': { name: 'a', input: null, run },
      'no attempts': { name: 'a', retry: { attempts: 0 }, run },
    }
    for (const [what, definition] of Object.entries(bad)) {
      assert.throws(() => task(definition as never), has('TASK_INVALID', /^Task /), what)
    }
  })

  test('is known by its brand', () => {
    assert.ok(isTask(task({ name: 'a', run })))
    assert.ok(isTask({ [Symbol.for('checkrein.task')]: true }))
    for (const value of [null, undefined, 'a', {}, { name: 'a', run }, run])
      assert.ok(!isTask(value))
  })

  test('has a name of letters, digits and a few marks', () => {
    for (const name of ['a', 'mail.send', 'a_b-c/d:e', 'A9', 'x'.repeat(200)]) {
      assert.equal(checkedName(name, 'queue'), name)
    }
    for (const name of ['', 'a b', 'ü', "a'b", 'a\n', null, 7, 7n]) {
      assert.throws(() => checkedName(name, 'queue'), isUsage(/^queue /))
    }
  })
})
