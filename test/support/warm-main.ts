/** Starts an isolate of each kind, in which what only isolates load is compiled and kept for those of the tests: see `flush-soon.mjs`. */
import { createExecutor } from '../../src/executor/create.ts'
import { orderFor, Watched } from '../executor/attempt.ts'

process.env['NODE_OPTIONS'] = `--import=${import.meta.resolve('./flush-soon.mjs')}`
for (const isolation of ['process', 'thread'] as const) {
  await using executor = createExecutor(isolation, { capacity: 1, spares: 0 })
  await new Watched(executor, orderFor('lingers', 500)).end()
}
