import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { logWorker } from '../../src/cli/session/worker-log.ts'
import { publish } from '../../src/worker/telemetry.ts'

/** What is written while something is done. */
function written(isJson: boolean, work: () => void): string[] {
  const lines: string[] = []
  const write = mock.method(process.stdout, 'write', (text: string) => lines.push(text) > 0)
  try {
    using _ = logWorker(isJson)
    work()
  } finally {
    write.mock.restore()
  }
  return lines
}

function complain(message: string, count: number): void {
  const error = { name: 'CheckreinError', code: 'STORE_UNAVAILABLE', message } as const
  for (let n = 0; n < count; n++)
    publish(() => ({ type: 'store-error', workerId: 'w', during: 'round', error }))
}

void test('the log says once, and not five times a second, that the store is away', () => {
  mock.timers.enable({ apis: ['Date'], now: 1_000_000 })
  const lines = written(false, () => {
    complain('no answer', 5)
    complain('another', 1)
    mock.timers.tick(10_000)
    complain('no answer', 2)
  })
  mock.timers.reset()
  assert.deepEqual(
    lines.map((line) => /no answer|another/.exec(line)?.[0]),
    ['no answer', 'another', 'no answer'],
  )
})

void test('programs read each event', () => {
  assert.equal(written(true, () => complain('no answer', 5)).length, 5)
})
