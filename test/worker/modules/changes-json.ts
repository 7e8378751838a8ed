/** Changes how lists become JSON, as old versions of prototype.js do. */
import { task } from '../../../src/index.ts'

Reflect.set(Array.prototype, 'toJSON', function (this: unknown[]) {
  return String(this)
})

export const unlucky = task({ name: 'unlucky', run: () => [1] })
