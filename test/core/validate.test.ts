import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { issuesOf } from '../../src/client/options/schema.ts'
import { validate } from '../../src/core/task/validate.ts'
import { has } from './errors-of.ts'

/** A schema that gives this answer. */
const answering = (answer: () => unknown) =>
  ({ '~standard': { version: 1, vendor: 'test', validate: answer } }) as never

suite('a schema', () => {
  test('is understood alike by who enqueues and by the worker, whatever its issues are', async () => {
    const oddPath = [Symbol('s'), { key: 'k' }, null, 5]
    const issue = { message: 'too long', path: oddPath }
    for (const [issues, ...first] of [
      [undefined],
      [null],
      [[], 'it does not fit', ''],
      [[{}], 'it does not fit', ''],
      [[null], 'it does not fit', ''],
      ['wrong', 'wrong', ''],
      [new Set([{ message: 'in a set' }]), 'in a set', ''],
      [[issue], 'too long', 'Symbol(s).k.null.5'],
    ] as const) {
      const schema = answering(() => ({ value: 1, issues }))
      const checked = await validate(schema, 0)
      const told = checked.isValid
        ? []
        : checked.issues.map(({ message, path }) => [message, path.join('.')])
      assert.deepEqual(told[0] ?? [], first)
      const [one] = await issuesOf(schema, 0)
      assert.deepEqual(one === undefined ? [] : [one.message, one.path], first)
    }
  })

  test('that throws, or answers with nothing, is what is wrong for who enqueues', async () => {
    const failing = [
      () => {
        throw new Error('out of order')
      },
      () => Promise.reject(new Error('out of order')),
      () => undefined,
      () => 'fine',
    ]
    for (const answer of failing)
      await assert.rejects(
        issuesOf(answering(answer), 0),
        has('TASK_INVALID', /^The schema could not check the value: /),
      )
  })
})
