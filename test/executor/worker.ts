/**
 * A worker to be killed or stopped: opens an executor, starts the tasks of its arguments, and prints a line of JSON
 * with the pids of each handler once it has begun. Renews its lease as long as its own loop runs.
 *
 *     node worker.ts <isolation> <lease in ms> <task> [<input>] [frozen]
 *
 * With `frozen`, it freezes the attempt before it prints.
 */
import { createExecutor } from '../../src/executor/create.ts'
import { monotonicMs } from '../../src/executor/os/monotonic.ts'
import { Watched, orderFor } from './attempt.ts'
import type { Isolation } from '../../src/core/task/task-limits.ts'

const [isolation, lease, task, input, frozen] = process.argv.slice(2) as [
  Isolation,
  string,
  string,
  string?,
  string?,
]
const leaseMs = Number(lease)
const executor = createExecutor(isolation, { capacity: 4, goodUntil: monotonicMs() + leaseMs })
setInterval(() => executor.renew(monotonicMs() + leaseMs), leaseMs / 5)

const watched = new Watched(
  executor,
  orderFor(task, input === undefined ? undefined : JSON.parse(input)),
)
const pids = await watched.begun()
if (frozen === 'frozen' && !(await watched.attempt.freeze())) throw new Error('it is not frozen')
process.stdout.write(`${JSON.stringify({ worker: process.pid, ...pids })}\n`)
