/**
 * The schemas of answers and options are of exactly the types that they are of: checked by `tsc` in `npm run check`, never run. Each
 * `@ts-expect-error` is an error of its own when the line beneath it compiles.
 */
import type {
  AuditQuery,
  CancelOptions,
  Client,
  EnqueueOptions,
  Hold,
  ListOptions,
  Run,
  RunFilter,
  Workflow,
  WorkflowFilter,
} from '../../src/index.ts'
import type { OperationAnswer, OperationInput } from '../../src/client/operations/contracts.ts'
import { perform } from '../../src/client/operations/dispatch.ts'
import type {
  auditOptions,
  cancelOptions,
  enqueueOptions,
  filterParameters,
  listOptions,
  workflowFilterParameters,
} from '../../src/client/options/parameters.ts'
import { count, instant, nullable, text, words } from '../../src/client/schemas/kinds.ts'
import type { Given } from '../../src/client/schemas/parameters.ts'
import { list, object, optional } from '../../src/client/schemas/shapes.ts'

/** One flat object type, so that intersections are compared by their members. */
type Flat<Type> = { readonly [Name in keyof Type]: Type[Name] }
type Equal<A, B> =
  (<T>() => T extends Flat<A> ? 1 : 2) extends <T>() => T extends Flat<B> ? 1 : 2 ? true : false
declare function same<A, B>(isSame: Equal<A, B>): void

same<Given<typeof filterParameters>, RunFilter>(true)
same<Given<typeof workflowFilterParameters>, WorkflowFilter>(true)
same<Given<typeof enqueueOptions>, EnqueueOptions>(true)
same<Given<typeof cancelOptions>, CancelOptions>(true)
same<Given<typeof auditOptions>, AuditQuery & Given<typeof listOptions>>(true)
same<keyof Given<typeof listOptions>, keyof ListOptions>(true)

same<OperationAnswer<'get'>, Run>(true)
same<OperationAnswer<'getWorkflow'>, Workflow>(true)
same<OperationAnswer<'hold'>, Hold>(true)
same<OperationInput<'get'>, { readonly id: string }>(true)

declare const client: Client
export const run: Promise<Run> = perform(client, 'get', { id: 'a' })
// @ts-expect-error the id is missing
void perform(client, 'get', {})
// @ts-expect-error there is no such state
void perform(client, 'list', { state: 'gone' })
// @ts-expect-error a run is named by its id or key, or by a filter
void perform(client, 'cancel', { target: { task: 'a' } })

interface Example {
  readonly id: string
  readonly at: number | null
  readonly count?: number
  readonly tags: readonly string[]
  readonly state: 'on' | 'off'
}
const state = words({ on: true, off: true })
export const example = object<Example>({
  id: text(),
  at: nullable(instant()),
  count: optional(count()),
  tags: list(text()),
  state,
})
// @ts-expect-error a member is missing
object<Example>({ id: text(), at: nullable(instant()), count: optional(count()), state })
const rest = { id: text(), at: nullable(instant()), tags: list(text()) }
// @ts-expect-error a member may be missing that must not be
object<Example>({ ...rest, count: optional(count()), state: optional(state) })
// @ts-expect-error a member may be there always that may be missing
object<Example>({ ...rest, count: count(), state })
// @ts-expect-error a word is missing
object<Example>({ ...rest, count: optional(count()), state: words({ on: true }) })
// @ts-expect-error there is a member too many
object<Example>({ ...rest, count: optional(count()), state, more: text() })
