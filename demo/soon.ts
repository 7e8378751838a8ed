import { DemoError } from './errors.ts'
import { seconds } from './format.ts'

/** How long the demo waits for what should come at once. */
const patienceMs = 30_000

/** Waits for something. @throws {DemoError} where it doesn't come: the demo can't go on then. */
export async function soon<T>(
  what: string,
  abortSignal: AbortSignal,
  wait: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController()
  const error = new DemoError(70, `Not within ${seconds(patienceMs)}: ${what}.`)
  const timer = setTimeout(() => late.abort(error), patienceMs)
  try {
    return await wait(AbortSignal.any([abortSignal, late.signal]))
  } finally {
    clearTimeout(timer)
  }
}
