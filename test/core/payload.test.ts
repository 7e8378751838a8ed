import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decodePayload, encodePayload } from '../../src/core/payload.ts'
import { isCheckreinError } from '../../src/core/errors.ts'
import { has } from './errors-of.ts'

const cycle: Record<string, unknown> = {}
cycle['self'] = cycle

suite('a payload', () => {
  test('comes back as it was', () => {
    for (const value of [null, 0, '', 'ü\u0000"\n', [1, [2]], { a: { b: null } }, true]) {
      assert.deepEqual(decodePayload(encodePayload(value, 'input')), value)
    }
  })

  test('of nothing is nothing', () => {
    assert.equal(encodePayload(undefined, 'input'), null)
    assert.equal(decodePayload(null), undefined)
  })

  test('without a JSON form is refused, and the error says which it was', () => {
    const throwing = {
      toJSON() {
        throw new Error('no')
      },
    }
    for (const value of [cycle, { n: 1n }, 1n, () => 1, Symbol('s'), throwing]) {
      assert.throws(() => encodePayload(value, 'result'), has('PAYLOAD_NOT_JSON', /^The result /))
    }
  })

  test('is measured in bytes, and may just reach the limit', () => {
    const text = 'é'.repeat(10) // 20 bytes and two quotes
    assert.equal(encodePayload(text, 'input', 22), JSON.stringify(text))
    assert.throws(
      () => encodePayload(text, 'input', 21),
      (error) =>
        isCheckreinError(error) &&
        error.code === 'PAYLOAD_TOO_LARGE' &&
        error.details['bytes'] === 22 &&
        error.hint !== undefined,
    )
  })

  test('of 500 levels is kept, one of 501 is refused, whatever brackets its texts have', () => {
    const nested = (levels: number): unknown => {
      let value: unknown = ']\\"[{'.repeat(300)
      for (let at = 0; at < levels; at++) value = at % 2 === 0 ? [value] : { '[\\': value }
      return value
    }
    assert.deepEqual(decodePayload(encodePayload(nested(500), 'input')), nested(500))
    const wide = Array.from({ length: 5000 }, () => [[]])
    assert.deepEqual(decodePayload(encodePayload(wide, 'input')), wide)
    for (const levels of [501, 1001, 3000])
      assert.throws(
        () => encodePayload(nested(levels), 'reply'),
        has('PAYLOAD_TOO_LARGE', /^The reply is nested deeper than 500 levels/),
      )
  })

  test('of ten megabytes is refused', () => {
    assert.throws(() => encodePayload('x'.repeat(10_000_000), 'input'), has('PAYLOAD_TOO_LARGE'))
  })
})
