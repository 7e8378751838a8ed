import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  CheckreinError,
  type ErrorCode,
  errorCodes,
  errorRecord,
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
