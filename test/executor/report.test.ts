import assert from 'node:assert/strict'
import { test } from 'node:test'
import { longestMs } from '../../src/core/duration.ts'
import { portableError } from '../../src/executor/wire/channel.ts'
import { readReport } from '../../src/executor/host/report.ts'

const expected = { seq: 1, payloadLimit: 100, checkpointLimit: 200 }
const read = (report: unknown): unknown => readReport(JSON.stringify(report), expected)

const error = { name: 'Error', message: 'no', code: 'EXPECTED' }
const wait = { signal: 'go', wakeInMs: 5, done: ['slept', 7, 'timeout'], taken: [8] }
const outcome = { position: 3, reply: '"yes"', error: null }
const enqueue = {
  ask: 'enqueue',
  task: 'work',
  queue: 'default',
  input: '1',
  callKey: 'x:0',
  options: {},
}
const line = { at: 1, message: 'plain', data: { n: 1 } }
const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

void test('what an isolate of ours says is taken as it is', () => {
  for (const report of [
    ['begun', 1],
    ['delivered', 1, 1_700_000_000_000],
    ['progress', 1, '0.5'],
    ['log', 1, line],
    ['log', 1, { at: 0, message: '\0' }],
    ['handled', 1, outcome],
    ['handled', 1, { position: 3, reply: null, error }],
    ['checkpoint', 1, 4, '{"text":"\\u0000\\ud800"}'],
    ['checkpoint', 1, 5, null],
    ['taken', 1, 3, 1_700_000_000_000],
    ['extend', 1, longestMs],
    ['question', 1, 1, { ask: 'ends', ids: ['a', 'b'] }],
    ['question', 1, 2, enqueue],
    ['question', 1, 3, { ...enqueue, input: null, options: { tags: ['t'] } }],
    ['returned', 1, '[1]', null, false],
    ['returned', 1, null, '"kept"', true],
    ['threw', 1, { ...error, hint: 'h', stack: 's', details: {}, cause: error }, true, null, false],
    ['parked', 1, null, '1', true],
    ['parked', 1, wait, null, true],
    ['parked', 1, { ...wait, signal: null, wakeInMs: null }, null, true],
    ['parked', 1, { ...wait, signal: null, done: ['ended'], children: ['a'] }, null, true],
  ])
    assert.deepEqual(read(report), report)
  assert.deepEqual(read(['ready', 1]), ['ready', null])
  assert.deepEqual(read(['ready', ['a', 1]]), ['ready', ['a']])
})

void test('what is asked is answered, also where it is not of the right form', () => {
  const nothing = { ask: 'nothing' }
  for (const question of [
    null,
    { ask: 'more' },
    { ask: 'ends', ids: 'a' },
    { ask: 'ends', ids: ['\0'] },
    { ask: 'ends', ids: Array(10_001).fill('a') },
    { ...enqueue, task: 7 },
    { ...enqueue, input: 'x{' },
    { ...enqueue, input: `"${'x'.repeat(100)}"` },
    { ...enqueue, callKey: null },
    { ...enqueue, options: [] },
    { ...enqueue, options: { tags: ['x'.repeat(70_000)] } },
  ])
    assert.deepEqual(read(['question', 1, 4, question]), ['question', 1, 4, nothing])
  assert.equal(read(['question', 1, 0.5, enqueue]), null)
  assert.deepEqual(read(['question', 1, 4, { ...enqueue, more: 1 }]), ['question', 1, 4, enqueue])
})

void test('what no store could keep, or no reader could read, is ignored', () => {
  for (const report of [
    ['delivered', 1, 0.5],
    ['delivered', 1, -1],
    ['delivered', 1, 9e15],
    ['progress', 1, 0.5],
    ['progress', 1, 'not json'],
    ['progress', 1, `"${'x'.repeat(5000)}"`],
    ['progress', 1, deep(2048 + 1)],
    ['log', 1, { ...line, at: 1e300 }],
    ['log', 1, { ...line, message: 'x'.repeat(20_000) }],
    ['log', 1, { ...line, data: [1] }],
    ['log', 1, { ...line, data: { text: 'x'.repeat(20_000) } }],
    ['handled', 1, { ...outcome, position: 0.5 }],
    ['handled', 1, { ...outcome, reply: 'y{' }],
    ['handled', 1, { ...outcome, reply: `"${'x'.repeat(100)}"` }],
    ['handled', 1, { ...outcome, error: { ...error, code: 7 } }],
    ['handled', 1, { ...outcome, error: { ...error, details: 'none' } }],
    ['handled', 1, { ...outcome, error: { ...error, message: 'x'.repeat(500_000) } }],
    ['checkpoint', 1, 0.5, '1'],
    ['checkpoint', 1, 1, 'x{'],
    ['checkpoint', 1, 1, '"\0"'],
    ['checkpoint', 1, 1, '"\ud800"'],
    ['checkpoint', 1, 1, `"${'é'.repeat(100)}"`],
    ['taken', 1, 1e300, 1],
    ['taken', 1, 1, -1],
    ['extend', 1, 0.5],
    ['extend', 1, longestMs + 1],
    ['returned', 2, '1', null, false],
    ['returned', 1, 7],
    ['threw', 1, null, true, null, true],
    ['parked', 1, 7, null, true],
  ])
    assert.equal(read(report), null, JSON.stringify(report).slice(0, 100))
  assert.equal(readReport('["delivered",1,1e999]', expected), null)
  assert.equal(readReport('["returned",1,null,null,false]', null), null)
})

void test('an end that cannot be kept is an end all the same', () => {
  const nested = '[{"cause":'.repeat(20)
  for (const report of [
    ['returned', 1, 'z{', null, false],
    ['returned', 1, '"\0"', null, false],
    ['returned', 1, `"${'x'.repeat(100)}"`, null, false],
    ['returned', 1, '1', 'x{', false],
    ['threw', 1, { ...error, code: null }, true, null, false],
    ['threw', 1, { ...error, details: { text: 'x'.repeat(500_000) } }, true, null, false],
    ['threw', 1, { ...error, cause: nested }, true, null, false],
    ['parked', 1, { ...wait, wakeInMs: 0.5 }, null, true],
    ['parked', 1, { ...wait, wakeInMs: -1 }, null, true],
    ['parked', 1, { ...wait, wakeInMs: longestMs + 1 }, null, true],
    ['parked', 1, { ...wait, signal: '\0' }, null, true],
    ['parked', 1, { ...wait, done: ['never'] }, null, true],
    ['parked', 1, { ...wait, done: [1.5] }, null, true],
    ['parked', 1, { ...wait, taken: undefined }, null, true],
    ['parked', 1, { ...wait, taken: Array(10_001).fill(1) }, null, true],
  ])
    assert.deepEqual(read(report), ['broken', 1], JSON.stringify(report).slice(0, 100))
})

void test('nothing but the named parts of a wait, an outcome or a log line goes on', () => {
  const more = { type: 'complete', result: '1', waitsFor: 'somebody' }
  assert.deepEqual(read(['parked', 1, { ...wait, ...more }, null, true]), [
    'parked',
    1,
    wait,
    null,
    true,
  ])
  assert.deepEqual(read(['handled', 1, { ...outcome, ...more }]), ['handled', 1, outcome])
  assert.deepEqual(read(['log', 1, { ...line, ...more }]), ['log', 1, line])
})

void test('the largest error that is made here comes through', () => {
  const text = '\0'.repeat(100_000)
  const portable = portableError({ name: text, message: text, code: text, stack: text })
  const report = ['threw', 1, portable, true, null, false]
  assert.deepEqual(read(report), report)
})

void test('the causes and the parts of an error that is too long come through, too', () => {
  const long = '\0'.repeat(100_000)
  const one = { name: 'Error', message: 'the disk is full', code: 'ENOSPC' }
  const many = Array.from({ length: 8 }, () => ({ ...one, stack: long }))
  const portable = portableError({ ...one, message: long, cause: one, errors: many })
  assert.equal(portable.cause?.message, one.message)
  assert.deepEqual(
    portable.errors?.map(({ code }) => code),
    Array(8).fill('ENOSPC'),
  )
  const report = ['threw', 1, portable, true, null, false]
  assert.deepEqual(read(report), report)
})

void test('an error whose parts are none is not taken', () => {
  const one = { name: 'Error', message: 'x', code: 'X' }
  for (const errors of ['text', [null], [{ ...one, code: 5 }], { 0: one }])
    assert.deepEqual(read(['threw', 1, { ...one, errors }, true, null, false]), ['broken', 1])
})
