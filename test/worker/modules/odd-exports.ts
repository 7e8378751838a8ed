/** Exports that refuse to be looked at, beside a task. */
import { task } from '../../../src/index.ts'

function refuse(): never {
  throw new Error('no such setting')
}

const { proxy, revoke } = Proxy.revocable({}, {})
revoke()

export const beside = task({ name: 'beside', isolation: 'thread', run: () => 'done' })
export const strict: object = new Proxy({}, { has: refuse, get: refuse })
export const revoked: object = proxy
// oxlint-disable-next-line import/no-default-export -- a module of a user may have one
export default {
  get connection(): never {
    return refuse()
  },
  strict,
  proxy,
}
