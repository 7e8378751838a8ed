/** Members that will never be reached are cancelled, by a bulk operation: they may be a hundred thousand. */
import { callOfUnreached } from '../../core/run/call-ids.ts'
import type { Cause } from '../../core/workflow/workflow.ts'
import type { Tx } from '../driver/driver.ts'
import { queueBulk } from '../journal/outbox.ts'

interface Unreached {
  readonly workflow: string
  readonly nodes: readonly [first: number, last: number]
  readonly cause: Cause
}

/** Cancels the members of a range of nodes, and says in their reason why they will never be reached. */
export async function cascade(tx: Tx, { workflow, nodes, cause }: Unreached): Promise<void> {
  await queueBulk(
    tx,
    { workflow, nodes },
    {
      callId: callOfUnreached(workflow, nodes[0]),
      verb: 'cancel',
      reason: reasonOf(cause),
      by: null,
      graceMs: 0,
      rollback: false,
      running: 'cancel',
      isUnreachable: true,
    },
  )
}

const longestReason = 500

function reasonOf({ runId, task, state, error, stop }: Cause): string {
  const { message } = (error ?? {}) as { readonly message?: string }
  const { reason } = (stop ?? {}) as { readonly reason?: string | null }
  const why = message ?? reason ?? null
  const who = runId === null ? 'what comes before it' : `${task} (run ${runId})`
  const text = `${who} was to come before it and ${state === 'failed' ? 'failed' : 'was cancelled'}`
  return why === null ? text : `${text}: ${why}`.slice(0, longestReason)
}
