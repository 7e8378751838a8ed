/** Why no isolate can be made: the system refuses a process, or Node does. */
import { CheckreinError } from '../../core/errors.ts'
import { errorRecord } from '../../core/error-record.ts'
import type { Isolation } from '../../core/task/task-limits.ts'

const hints: Readonly<Record<string, string>> = {
  EMFILE: 'Raise the limit of open files (`ulimit -n`, `LimitNOFILE=`), or lower the concurrency.',
  ENFILE: 'The whole system has no more open files: raise `fs.file-max`.',
  EAGAIN:
    'Raise the limit of processes (`ulimit -u`, `TasksMax=`, the pids limit of the container).',
  ENOMEM: 'The system has no memory for a process.',
  ERR_ACCESS_DENIED: 'Node runs with `--permission`: add `--allow-child-process`.',
}

/** The error of a worker whose isolates die at birth. @param why the error of the last one that could not be made; null where processes are made, and end. */
export function notReady(isolation: Isolation, why: unknown): CheckreinError {
  if (why === null) {
    return new CheckreinError('ISOLATE_EXITED', {
      message: `A ${isolation} isolate ended before it was ready`,
      hint: 'Its output says why; preloads (`NODE_OPTIONS`, `--import`) run in isolates, too.',
    })
  }
  const { message, code } = errorRecord(why)
  const hint = hints[code] ?? 'It is the error of the system for a new process.'
  return new CheckreinError('ISOLATE_EXITED', {
    message: `No ${isolation} isolate could be made: ${message}`,
    hint,
    cause: why,
  })
}
