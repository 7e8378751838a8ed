/** The outcome of a member of a group with the policy `allSettled`, and of a child that `ctx.waitFor` waited for. */
export type Settled<Out = unknown> =
  | { readonly state: 'completed'; readonly result: Out }
  | ({ readonly state: 'failed' | 'cancelled' } & Omit<StepFailure, 'workflowId' | 'state'>)

/** Why a step, or a workflow, did not complete: what an `onFailed` task gets. */
export interface StepFailure {
  readonly workflowId: string
  readonly state: 'failed' | 'cancelled'
  /** The run that did not complete; null where no run did it: a result that is too large. */
  readonly runId: string | null
  readonly task: string | null
  readonly error: unknown
  /** How it was stopped, where it was. */
  readonly stop: unknown
}
