import { errorRecord } from '../../core/error-record.ts'
import {
  CheckreinError,
  type ErrorCode,
  type ErrorRecord,
  isCheckreinError,
  isNonRetryable,
} from '../../core/errors.ts'
import type { Saved } from '../../core/run/events.ts'
import { decodePayload, encodePayload } from '../../core/payload.ts'
import type { JsonText } from '../../core/run/run.ts'
import { portableError } from '../wire/channel.ts'
import type { Context, AnyTask } from '../../core/task/context.ts'
import type { AttemptContext } from './context.ts'
import { callEach, listOf, undoEach } from './each.ts'
import type { AttemptOrder, ParkedWait } from '../executor.ts'
import { isHalting } from './attempt/halt.ts'
import { loadTask, loadedTask } from './load-task.ts'
import { firstIssue, validate } from '../../core/task/validate.ts'

/** The outcome of a handler. */
export type HandlerOutcome = {
  /** The state and the signals that were not told yet. */
  readonly saved: Saved
  /** Whether the isolate must not run another attempt. */
  readonly isTainted: boolean
} & (
  | { readonly kind: 'returned'; readonly result: JsonText | null }
  | { readonly kind: 'threw'; readonly error: ErrorRecord; readonly isRetryable: boolean }
  | { readonly kind: 'parked'; readonly wait: ParkedWait | null }
)

/** An error that nobody caught. */
export interface Uncaught {
  readonly error: unknown
}

/** The knowledge of the place in which an attempt runs. */
export interface Performing {
  /** Called when the task is in hand: from here on whatever goes wrong is the work of the run itself. */
  readonly onBegun: () => void
  /** The error of the handler that nobody has caught so far, which fails the attempt; null where there is none. */
  readonly uncaught?: () => Uncaught | null
}

/**
 * Runs one attempt from its order to its outcome, and closes its context; never rejects. All isolates share it.
 *
 * A handler whose attempt was aborted before it began is not called: the attempt ends with the abort's reason.
 */
export async function performAttempt(
  order: AttemptOrder,
  context: AttemptContext,
  { onBegun, uncaught = () => null }: Performing,
): Promise<HandlerOutcome> {
  try {
    const { module, run, payloadLimit } = order
    const task = loadedTask(module, run.task) ?? (await loadTask(module, run.task))
    context.throwIfAborted()
    onBegun()
    const input = await inputOf(task, order)
    context.throwIfAborted()
    await context.open(task)
    const output = await call(handlerOf(task, order), { input, order, context })
    const result = encodePayload(output, 'result', payloadLimit)
    const failure = uncaught()
    if (failure !== null) return threw(failure.error, context)
    return {
      kind: 'returned',
      result,
      saved: context.close('returned'),
      isTainted: context.isParked,
    }
  } catch (thrown) {
    return threw((uncaught() ?? { error: thrown }).error, context)
  }
}

const hopeless: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CHILD_UNKNOWN',
  'INPUT_REJECTED',
  'PAYLOAD_NOT_JSON',
  'PAYLOAD_TOO_LARGE',
  'ROLLBACK_MISSING',
  'TASK_UNKNOWN',
])

/** A module that failed to load, or was loaded without the task, stays so in this isolate: another one may find it mended. */
const lasting: ReadonlySet<ErrorCode | null> = new Set<ErrorCode | null>([
  'TASK_MODULE_FAILED',
  'TASK_UNKNOWN',
])

/**
 * The outcome for a thrown value; closes the context. The isolate is tainted where it can't find the task, and where the handler was told to park, whatever it made of that.
 */
export function threw(thrown: unknown, context: AttemptContext): HandlerOutcome {
  if (context.isParked && (context.isReason(thrown) || isHalting(thrown))) {
    const wait = context.parkedWait
    return { kind: 'parked', wait, saved: context.close('parked'), isTainted: true }
  }
  const ours = isCheckreinError(thrown) ? thrown.code : null
  return {
    kind: 'threw',
    error: portableError(errorRecord(thrown)),
    isRetryable: !isNonRetryable(thrown) && !(ours !== null && hopeless.has(ours)),
    saved: context.close('threw'),
    isTainted: lasting.has(ours) || context.isParked,
  }
}

interface Called {
  readonly input: unknown
  readonly order: AttemptOrder
  readonly context: AttemptContext
}

async function call(handler: AnyTask['run'], { input, order, context }: Called): Promise<unknown> {
  const one = async (input: unknown, context: Context): Promise<unknown> => {
    const value = await handler(input as never, context)
    return isGenerator(value) ? drive(value, context) : value
  }
  if (!order.isMapped) return one(input, context)
  const each = order.rollback === null ? callEach : undoEach
  return each(input as readonly unknown[], context, one)
}

const nothingToUndo = (): undefined => undefined

function handlerOf(task: AnyTask, { rollback }: AttemptOrder): AnyTask['run'] {
  if (rollback === null) return task.run
  if (task.rollback !== null) return task.rollback
  // A workflow that is rolled back asks it of all its steps, and not each has something to undo.
  if (rollback.undoes) return nothingToUndo
  throw new CheckreinError('ROLLBACK_MISSING', {
    message: `The run is to be rolled back, and task ${JSON.stringify(task.name)} has no rollback function`,
  })
}

type Generator = AsyncGenerator<unknown, unknown, void>

function isGenerator(value: unknown): value is Generator {
  if (typeof value !== 'object' || value === null || !(Symbol.asyncIterator in value)) return false
  const { next, throw: fail } = value as Partial<Generator>
  return typeof next === 'function' && typeof fail === 'function'
}

/** Drives a generator: each value that it yields is a checkpoint. An error of the checkpoint is thrown into it, so that its `finally` blocks run. */
async function drive(generator: Generator, context: Context): Promise<unknown> {
  let step = await generator.next()
  while (step.done !== true) {
    const failure = await context.checkpoint(step.value).then(
      () => null,
      (reason: unknown) => ({ reason }),
    )
    step = await (failure === null ? generator.next() : generator.throw(failure.reason))
  }
  return step.value
}

async function inputOf(task: AnyTask, order: AttemptOrder): Promise<unknown> {
  const raw = decodePayload(order.input)
  if (!order.isMapped) return validInput(task, raw)
  const inputs: unknown[] = []
  for (const one of listOf(raw)) inputs.push(await validInput(task, one))
  return inputs
}

async function validInput({ input }: AnyTask, value: unknown): Promise<unknown> {
  if (input === null) return value
  const checked = await validate(input, value)
  if (checked.isValid) return checked.value
  throw new CheckreinError('INPUT_REJECTED', {
    message: `The input does not fit the schema of the task: ${firstIssue(checked.issues)}`,
    details: { issues: checked.issues },
  })
}
