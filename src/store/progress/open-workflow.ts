/** A workflow while a transaction holds its row, as the steps of its progress see it. */
import type { JsonText } from '../../core/run/run.ts'
import type { Cause } from '../../core/workflow/workflow.ts'
import type { Tx } from '../driver/driver.ts'
import type { StoredWorkflow } from '../port/workflows.ts'
import type { NodeRow } from '../rows/workflows.ts'

/** What a node came to. */
export interface Outcome {
  readonly node: NodeRow
  /** Its result as JSON; null also where the result is not known here. */
  readonly value: JsonText | null
  /** Why the node did not complete; null where it did. */
  readonly cause: Cause | null
}

/** The part of `WorkflowProgress` (`advance.ts`) that fan-in, hooks, roll-back and starts need: they take this, so that imports go one way. */
export interface OpenWorkflow {
  readonly tx: Tx
  /** The row as it will be written when the transaction's round is over. */
  facts: StoredWorkflow
  /** Notes what a node has come to; the next round deals with it. */
  add(outcome: Outcome): void
}
