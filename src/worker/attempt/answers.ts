/** Answers the questions that a handler asks of the store. Its worker does that, for isolates have no connection. */
import { setTimeout as pause } from 'node:timers/promises'
import { newRun } from '../../client/requests/enqueue.ts'
import { runOptions } from '../../client/options/parameters.ts'
import { refuseUnknownOptions } from '../../client/options/unknown-options.ts'
import { errorRecord } from '../../core/error-record.ts'
import { CheckreinError } from '../../core/errors.ts'
import { decodePayload } from '../../core/payload.ts'
import type { Fence } from '../../core/run/run.ts'
import { checkedName } from '../../core/task/task.ts'
import { isFinal } from '../../core/run/transitions.ts'
import type { StoreAnswer, ChildRequest, StoreQuestion } from '../../executor/executor.ts'
import type { ChildEnd, Store } from '../../store/store.ts'
import { isPassing } from './checkpoint-saver.ts'
import type { Settled } from '../../core/run/settled.ts'

/** The surroundings of an answer: the store, and the attempt that asks. */
export interface AnswerParts {
  readonly store: Pick<Store, 'enqueueChildren' | 'children' | 'now'>
  readonly fence: Fence
  /** Fulfils when all that the attempt has kept so far is stored. */
  readonly stored: () => Promise<void> | undefined
  /** Whether nobody waits for the answer any more. */
  readonly isOver: () => boolean
}

const retryMs = 200

/**
 * Answers a question; never rejects. A store that cannot answer now is asked again. Where a child was stored all the same, the
 * store finds it again by its `callKey`, so none is enqueued twice.
 */
export async function answerTo(question: StoreQuestion, asked: AnswerParts): Promise<StoreAnswer> {
  for (;;) {
    try {
      return { value: await valueOf(question, asked) }
    } catch (error) {
      if (!isPassing(error) || asked.isOver()) return { error: errorRecord(error) }
      await pause(retryMs)
    }
  }
}

function valueOf(question: StoreQuestion, asked: AnswerParts): Promise<unknown> {
  if (question.ask === 'enqueue') return enqueue(question, asked)
  if (question.ask === 'ends') return endsOf(question.ids, asked)
  const message = 'The request of the handler to the store is not well formed'
  return Promise.reject(new CheckreinError('USAGE', { message }))
}

/** @throws {CheckreinError} `LEASE_LOST` where the attempt is not the current one any more. */
async function enqueue(
  { task, queue, input, callKey, options }: ChildRequest,
  { store, fence, stored }: AnswerParts,
): Promise<string> {
  refuseUnknownOptions('ctx.enqueue', options, runOptions)
  const to = { name: checkedName(task, 'task'), queue: checkedName(queue, 'queue'), input }
  const run = newRun(to, options, () => store.now())
  await stored()
  // Where it takes the key of another run, the record says which run did.
  const asker = { by: null, origin: `run ${fence.runId}` }
  const call = { fence, place: callKey, run: { ...run, ...asker } }
  const [id] = await store.enqueueChildren([call])
  if (id == null) throw new CheckreinError('LEASE_LOST')
  return id
}

/** The outcomes of children, in the order of the ids; null while not all have ended. @throws {CheckreinError} `CHILD_UNKNOWN`. */
async function endsOf(
  ids: readonly string[],
  { store, fence }: AnswerParts,
): Promise<readonly Settled[] | null> {
  const ends = new Map((await store.children(fence.runId, ids)).map((end) => [end.id, end]))
  const stranger = ids.find((id) => !ends.has(id))
  if (stranger !== undefined)
    throw new CheckreinError('CHILD_UNKNOWN', {
      message: `Run ${stranger} is not a child of this run`,
      hint: 'ctx.waitFor takes the children that ctx.enqueue of the same run has returned.',
      details: { id: stranger },
    })
  if ([...ends.values()].some(({ state }) => !isFinal(state))) return null
  return ids.flatMap((id) => ends.get(id) ?? []).map(settledOf)
}

function settledOf({ id: runId, task, state, result, error, stop }: ChildEnd): Settled {
  if (state === 'completed') return { state, result: decodePayload(result) }
  return { state: state === 'failed' ? state : 'cancelled', runId, task, error, stop }
}
