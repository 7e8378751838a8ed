import type { StandardSchemaV1 } from '@standard-schema/spec'
import {
  CheckreinError,
  type ErrorCode,
  type ErrorRecord,
  errorRecord,
  isCheckreinError,
  isNonRetryable,
} from '../core/errors.ts'
import { decodePayload, encodePayload } from '../core/payload.ts'
import type { JsonText } from '../core/run.ts'
import { portableError } from './channel.ts'
import type { AttemptContext } from './context.ts'
import type { AttemptOrder } from './executor.ts'
import { loadTask, loadedTask } from './load-task.ts'

/** What came of the handler. */
export type Outcome =
  | { readonly kind: 'returned'; readonly result: JsonText | null }
  | {
      readonly kind: 'threw'
      readonly error: ErrorRecord
      readonly isRetryable: boolean
      readonly isTainted: boolean
    }

/**
 * Runs one attempt from its order to its outcome; never rejects. All isolates share it.
 *
 * A handler whose attempt was aborted before it began is not called: the attempt ends with the abort's reason.
 */
export async function perform(order: AttemptOrder, context: AttemptContext): Promise<Outcome> {
  try {
    const { module, run, payloadLimit } = order
    const task = loadedTask(module, run.task) ?? (await loadTask(module, run.task))
    const raw = decodePayload(order.input)
    const input = task.input === null ? raw : await validated(task.input, raw)
    context.throwIfAborted()
    const value = await task.run(input as never, context)
    return { kind: 'returned', result: encodePayload(value, 'result', payloadLimit) }
  } catch (thrown) {
    return threw(thrown)
  }
}

const hopeless: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INPUT_REJECTED',
  'PAYLOAD_NOT_JSON',
  'PAYLOAD_TOO_LARGE',
  'TASK_UNKNOWN',
  'TASK_MODULE_FAILED',
])

/** The outcome for a thrown value. A module that failed to load may have left half of itself behind: that isolate is tainted. */
export function threw(thrown: unknown): Outcome {
  const ours = isCheckreinError(thrown) ? thrown.code : null
  return {
    kind: 'threw',
    error: portableError(errorRecord(thrown)),
    isRetryable: !isNonRetryable(thrown) && !(ours !== null && hopeless.has(ours)),
    isTainted: ours === 'TASK_MODULE_FAILED',
  }
}

async function validated(schema: StandardSchemaV1, value: unknown): Promise<unknown> {
  const checked = await schema['~standard'].validate(value)
  if (checked.issues === undefined) return checked.value
  const issues = checked.issues
    .slice(0, 20)
    .map(({ message, path }) => ({ message, path: pathOf(path) }))
  const first = issues[0]
  throw new CheckreinError('INPUT_REJECTED', {
    message: `The input does not fit the schema of the task: ${first?.path.join('.') ?? ''} ${first?.message ?? ''}`,
    details: { issues },
  })
}

function pathOf(path: StandardSchemaV1.Issue['path']): string[] {
  return (path ?? []).map((step) => String(typeof step === 'object' ? step.key : step))
}
