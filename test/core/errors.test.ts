import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { errorRecord } from '../../src/core/error-record.ts'
import {
  CheckreinError,
  type ErrorCode,
  errorCodes,
  isCheckreinError,
  isNonRetryable,
  NonRetryableError,
} from '../../src/core/errors.ts'

const revoked = Proxy.revocable({}, {})
revoked.revoke()
const trap = new Proxy(new Error('trapped'), {
  get() {
    throw new Error('no reading')
  },
  has() {
    throw new Error('no asking')
  },
  getPrototypeOf() {
    throw new Error('no ancestry')
  },
})
const evilMessage = Object.defineProperty(new Error('x'), 'message', {
  get() {
    throw new Error('no message')
  },
})
const evilStack = Object.defineProperty(new Error('told'), 'stack', {
  get() {
    throw new Error('no stack')
  },
})
const evilText = {
  toString() {
    throw new Error('no text')
  },
}
const selfCaused = new Error('round')
selfCaused.cause = selfCaused

const weird: Readonly<Record<string, unknown>> = {
  null: null,
  undefined,
  'a number': 7,
  'a symbol': Symbol('s'),
  'a BigInt': 5n,
  'a function': () => 1,
  'an object without a prototype': Object.create(null),
  'an object whose text throws': evilText,
  'an error whose message throws': evilMessage,
  'an error whose stack throws': evilStack,
  'a proxy that throws at everything': trap,
  'a revoked proxy': revoked.proxy,
  'an error that is its own cause': selfCaused,
  'an error with a BigInt in its details': new CheckreinError('USAGE', { details: { n: 1n } }),
  'an error with a cycle in its details': new CheckreinError('USAGE', {
    details: {
      error: Object.assign(
        {},
        {
          get self() {
            return this
          },
        },
      ),
    },
  }),
}

suite('the record of an error', () => {
  for (const [name, thrown] of Object.entries(weird)) {
    test(`can be made and stored when what was thrown is ${name}`, () => {
      const record = errorRecord(thrown)
      assert.equal(typeof record.message, 'string')
      assert.equal(typeof record.name, 'string')
      assert.deepEqual(JSON.parse(JSON.stringify(record)), record)
    })

    test(`is not in the way of asking what it is when that is ${name}`, () => {
      assert.equal(isNonRetryable(thrown), false)
      assert.equal(isCheckreinError(thrown), name.includes('details'))
    })
  }

  test('has what an error says of itself, with its causes', () => {
    const cause = Object.assign(new TypeError('deep'), { code: 'ENOENT' })
    const record = errorRecord(new NonRetryableError('no use', { cause }))
    assert.deepEqual(
      [record.name, record.message, record.code],
      ['NonRetryableError', 'no use', 'HANDLER_THREW'],
    )
    assert.deepEqual([record.cause?.name, record.cause?.code], ['TypeError', 'ENOENT'])
    assert.match(record.stack ?? '', /errors\.test/)
  })

  test('keeps the hint and details of our own', () => {
    const record = errorRecord(new CheckreinError('USAGE', { hint: 'do so', details: { a: 1 } }))
    assert.deepEqual([record.code, record.hint, record.details], ['USAGE', 'do so', { a: 1 }])
  })

  test('has the parts of which an error is made, and their messages where it has none of its own', () => {
    const refused = Object.assign(new Error('no answer of ::1'), { code: 'ECONNREFUSED' })
    const both = errorRecord(new AggregateError([refused, 'no answer of 127.0.0.1'], ''))
    assert.deepEqual(
      [both.name, both.message],
      ['AggregateError', 'no answer of ::1; no answer of 127.0.0.1'],
    )
    assert.deepEqual(
      both.errors?.map(({ message, code }) => [message, code]),
      [
        ['no answer of ::1', 'ECONNREFUSED'],
        ['no answer of 127.0.0.1', 'HANDLER_THREW'],
      ],
    )
    const disposed = errorRecord(new SuppressedError(new Error('in dispose'), new Error('first')))
    assert.deepEqual(
      disposed.errors?.map(({ message }) => message),
      ['in dispose', 'first'],
    )
    const many = Array.from({ length: 1000 }, () => new AggregateError([new AggregateError([1])]))
    assert.equal(errorRecord(new AggregateError(many)).errors?.length, 8)
  })

  test('has all that can be read: a member that throws costs no other', () => {
    assert.equal(errorRecord(evilStack).message, 'told')
    const half = Object.assign(new TypeError('x'), { code: 'HALF' })
    Object.defineProperties(half, Object.getOwnPropertyDescriptors(evilMessage))
    const { name, code, message } = errorRecord(half)
    assert.deepEqual([name, code, message], ['TypeError', 'HALF', 'its message cannot be read'])
  })

  test('is that of an error where another realm has thrown it, or where it is an object with a message', () => {
    const foreign = errorRecord(runInNewContext('new TypeError("from elsewhere")'))
    assert.deepEqual([foreign.name, foreign.message], ['TypeError', 'from elsewhere'])
    const plain = errorRecord({ message: 'out of stock', code: 'E_STOCK' })
    assert.deepEqual([plain.name, plain.message, plain.code], ['Error', 'out of stock', 'E_STOCK'])
    assert.equal(errorRecord({ status: 503 }).message, '{"status":503}')
  })

  test('has a number as its code, and the name of a class that gives itself none', () => {
    class DuplicateKey extends Error {
      readonly code = 11000
    }
    const { name, code } = errorRecord(new DuplicateKey('twice'))
    assert.deepEqual([name, code], ['DuplicateKey', '11000'])
    assert.equal(errorRecord(new DOMException('gone', 'AbortError')).code, 'HANDLER_THREW')
  })

  test('ends where errors are causes or parts of each other', () => {
    const one = new Error('one')
    one.cause = new AggregateError([one, new Error('two', { cause: one })], 'both')
    const { cause } = errorRecord(one)
    assert.deepEqual(
      cause?.errors?.map(({ message }) => message),
      ['two'],
    )
    assert.equal(cause?.errors?.[0]?.cause, undefined)
  })

  test('ends with the fifth cause', () => {
    let error = new Error('0')
    for (let depth = 1; depth < 9; depth++) error = new Error(String(depth), { cause: error })
    let depth = 0
    for (let record = errorRecord(error).cause; record; record = record.cause) depth++
    assert.equal(depth, 4)
  })
})

suite('an error of ours', () => {
  test('is known by its brand, also when it comes from another copy of the package', () => {
    const foreign = Object.defineProperty(new Error('x'), Symbol.for('checkrein.error'), {
      value: true,
    })
    assert.ok(isCheckreinError(foreign))
    assert.ok(isCheckreinError(new CheckreinError('USAGE')))
    assert.ok(!isCheckreinError(new Error('x')))
    assert.ok(isNonRetryable(new NonRetryableError('x')))
  })

  test('has a message, an HTTP status and an exit code for each of its codes', () => {
    for (const [code, { message, http, exit }] of Object.entries(errorCodes)) {
      assert.match(message, /^[A-Z].*[^.]$/, code)
      assert.ok(http >= 200 && http < 600, code)
      assert.ok(exit > 0 && exit < 126, code)
      assert.equal(new CheckreinError(code as ErrorCode).message, message)
    }
  })

  test('is sent as code, message, hint and details, and says whether to try again', () => {
    const error = new CheckreinError('STORE_BUSY', { hint: 'wait', details: { file: 'x' } })
    assert.deepEqual(error.toJSON(), {
      code: 'STORE_BUSY',
      message: errorCodes.STORE_BUSY.message,
      hint: 'wait',
      details: { file: 'x' },
    })
    assert.ok(error.isRetryable)
    assert.ok(!new CheckreinError('USAGE').isRetryable)
  })
})
