import { type ErrorCode, isCheckreinError } from '../../src/core/errors.ts'

/** For `assert.throws` and `assert.rejects`: an error of ours with this code, and a message that matches. */
export function has(code: ErrorCode, message = /./): (error: unknown) => boolean {
  return (error) => isCheckreinError(error) && error.code === code && message.test(error.message)
}

export const isUsage = (message?: RegExp) => has('USAGE', message)
