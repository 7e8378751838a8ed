/** A workflow while a transaction holds its row, as the steps of its progress see it. */
import type { JsonText } from '../../core/run/run.ts'
import type { Cause } from '../../core/workflow/workflow.ts'
import type { Tx } from '../driver/driver.ts'
import type { StoredWorkflow } from '../port/workflows.ts'
import type { NodeRow } from '../rows/workflows.ts'

/** How a node has ended. */
export interface Outcome {
  readonly node: NodeRow
  /** The result as JSON; null also where it is not known here. */
  readonly value: JsonText | null
  /** Why the node did not complete; null where it did. */
  readonly cause: Cause | null
  /** Whether its hook was run before, because its run had ended before its turn came; default false. */
  readonly isTold?: boolean
}

/** The part of `WorkflowProgress` (`workflow-progress.ts`) that fan-in, hooks, roll-back and starts need. They take this interface, so that imports go one way. */
export interface OpenWorkflow {
  readonly tx: Tx
  /** The row as it will be written when the transaction's round is over. */
  facts: StoredWorkflow
  /** Notes that a node has ended; the next round deals with it. */
  add(outcome: Outcome): void
}
