/** Verbs on workflows. Each is written in the workflow's own row, and carried out by a bulk operation on its members. */
import { callOfResume } from '../../core/run/call-ids.ts'
import type { Answer } from '../../core/run/decision.ts'
import { isStopVerb, type StopVerb, stopVerbs } from '../../core/run/transitions.ts'
import type { StopRecord } from '../../core/run/stop.ts'
import { strongerKill } from '../../core/run/kill.ts'
import type { WorkflowStop } from '../../core/workflow/workflow.ts'
import { beginBulk, endBulksOf } from '../control/bulk.ts'
import { leaveTombstones } from '../runs/tombstones.ts'
import type { Tx } from '../driver/driver.ts'
import { instantOf } from '../port/instants.ts'
import { isRecorded, note } from '../journal/audit-log.ts'
import type { StoredWorkflow, WorkflowControl, WorkflowControlled } from '../port/workflows.ts'
import { workflowOf, workflowParams } from '../rows/workflows.ts'
import { type Asked, type BulkRequest, type MemberFilter, noPause } from '../port/requests.ts'

/** The answer to a verb that is on record, and the bulk operation that carries it out; null for none. */
export interface Ordered {
  readonly answer: WorkflowControlled
  readonly bulkId: string | null
}

/** Puts a verb on record. A call that was made before is answered by how the workflow is now, and its bulk operation goes on. */
export async function controlWorkflow(
  tx: Tx,
  request: WorkflowControl & { readonly isAgain?: boolean },
): Promise<Ordered> {
  const { id, callId } = request
  const [row] = await tx.run('workflowsToChange', [[id]])
  if (!row) return { answer: await missing(tx, request), bulkId: null }
  const flow = workflowOf(row)
  const before = await isRecorded(tx, callId)
  if (before) return { answer: answered(flow, answerBefore(flow, request)), bulkId: callId }
  if (request.isAgain === true) tx.send('deleteTombstone', [['id', '', id]])
  return order(tx, { flow, request })
}

interface Order {
  readonly flow: StoredWorkflow
  readonly request: WorkflowControl
}

/** Puts a verb on record for a workflow whose row is locked. */
export async function order(tx: Tx, { flow, request }: Order): Promise<Ordered> {
  const [answer, next] = decideOn(flow, request, tx.now())
  const isWanted = next !== null || answer === 'already-paused'
  if (next !== null) await tx.run('updateWorkflow', workflowParams(next))
  if (!isWanted) {
    const entry = { asked: request, kind: 'control', name: request.verb, run: null } as const
    note(tx, [{ ...entry, answer, isOver: true, target: { workflow: flow.id } }])
    return { answer: answered(flow, answer), bulkId: null }
  }
  const bulk = bulkOf(next ?? flow, request, tx.now())
  if (request.verb === 'resume') await endBulksOf(tx, { holdId: null, workflowId: flow.id })
  if (bulk === null) {
    const entry = { asked: request, kind: 'control', name: request.verb, run: null } as const
    note(tx, [{ ...entry, answer, isOver: true, target: { workflow: flow.id } }])
    return { answer: answered(next ?? flow, answer), bulkId: null }
  }
  await beginBulk(tx, { request: bulk, totalCount: 0 })
  tx.begun(bulk.asked.callId)
  return { answer: answered(next ?? flow, answer), bulkId: bulk.asked.callId }
}

async function missing(
  tx: Tx,
  request: WorkflowControl & { readonly isAgain?: boolean },
): Promise<WorkflowControlled> {
  const { id, verb, reason, by, tombstoneMs, isAgain = false } = request
  if (isAgain) return { id, answer: 'not-found', state: null, tombstoneUntil: null }
  const asked = { verb, reason, by, tombstoneMs }
  const until = await leaveTombstones(tx, [{ place: { kind: 'id', task: '', value: id }, asked }])
  const tombstoneUntil = until.get(id) ?? null
  const entry = { asked: request, kind: 'control', name: verb, run: null } as const
  const payload = tombstoneUntil === null ? {} : { payload: JSON.stringify({ tombstoneUntil }) }
  note(tx, [{ ...entry, ...payload, answer: 'not-found', isOver: true, target: { workflow: id } }])
  return { id, answer: 'not-found', state: null, tombstoneUntil }
}

const answered = ({ id, state }: StoredWorkflow, answer: Answer): WorkflowControlled => ({
  id,
  answer,
  state,
  tombstoneUntil: null,
})

/** The answer to a call that was made before. */
function answerBefore(flow: StoredWorkflow, { verb }: WorkflowControl): Answer {
  if (isStopVerb(verb)) return flow.stop === null ? 'too-late' : 'requested'
  return verb === 'pause' ? 'paused' : 'resumed'
}

type Decided = readonly [answer: Answer, next: StoredWorkflow | null]

function decideOn(flow: StoredWorkflow, request: WorkflowControl, now: number): Decided {
  const { verb, reason, by } = request
  if (flow.finishedAt !== null)
    return [flow.state === 'cancelled' ? 'already-cancelled' : 'too-late', null]
  if (isStopVerb(verb)) return stop(flow, { ...request, verb }, now)
  if (flow.stop !== null) return ['already-cancelled', null]
  if (verb === 'resume')
    return flow.paused === null ? ['not-paused', null] : ['resumed', { ...flow, paused: null }]
  const until = instantOf(request.pause.until, now)
  if (flow.paused !== null) {
    const answer = flow.paused.until === until ? 'already-paused' : 'moved'
    return [answer, { ...flow, paused: { ...flow.paused, until } }]
  }
  return ['paused', { ...flow, paused: { reason, by, at: now, until } }]
}

function stop(
  flow: StoredWorkflow,
  { verb, reason, by, running, rollback, kill }: WorkflowControl & { readonly verb: StopVerb },
  now: number,
): Decided {
  const asked: WorkflowStop = {
    verb,
    reason,
    by,
    requestedAt: now,
    running,
    rollback,
    ...(kill && { kill }),
  }
  const old = flow.stop
  if (old === null) return ['requested', { ...flow, stop: asked, paused: null }]
  const isStronger = stopVerbs.indexOf(verb) > stopVerbs.indexOf(old.verb)
  const { kill: _, ...first } = isStronger ? asked : old
  const way = isStronger ? kill : strongerKill(old.kill, kill)
  const both = { ...first, rollback: old.rollback || rollback, ...(way && { kill: way }) }
  return ['requested', { ...flow, stop: both }]
}

/** The bulk operation on the members; null for a pause that takes effect at pause points, for that asks nothing of them. */
function bulkOf(
  flow: StoredWorkflow,
  request: WorkflowControl,
  now: number,
): Extract<BulkRequest, { kind: 'control' }> | null {
  const { id: workflow, verb, running, pause, ...who } = request
  const isPause = verb === 'pause'
  if (isPause && flow.pausesAtPoints) return null
  const until = pause.until === null ? null : { at: instantOf(pause.until, now) }
  const workflowId = isPause || verb === 'resume' ? workflow : null
  const asked: Asked = {
    ...who,
    verb,
    running,
    tombstoneMs: 0,
    pause: { ...pause, until: isPause ? null : until, holdId: null, workflowId },
  }
  // A member that waits for its turn is not paused: its turn does not come while the workflow is.
  const isReached = workflowId !== null
  const filter: MemberFilter = { workflow, ...(isReached ? { isReached } : {}) }
  return { kind: 'control', filter, asked }
}

/** The request that a tombstone was left for. */
export function fromStop(
  { verb, reason, by }: Pick<StopRecord, 'reason' | 'by'> & { readonly verb: StopVerb },
  flow: { readonly id: string; readonly callId: string },
): WorkflowControl {
  return {
    ...flow,
    verb,
    reason,
    by,
    origin: null,
    graceMs: 0,
    tombstoneMs: 0,
    rollback: false,
    running: 'cancel',
    pause: noPause,
  }
}

/** Resumes workflows whose pause has a time that has come, at most `limit`. @returns how many. */
export async function resumeWorkflows(tx: Tx, limit: number): Promise<number> {
  const rows = await tx.run('resumableWorkflowsToChange', [tx.now(), limit])
  for (const row of rows) {
    const flow = workflowOf(row)
    const callId = callOfResume(flow.id, flow.paused?.at ?? 0)
    const who = { verb: 'cancel', reason: 'it was paused until now', by: null } as const
    await order(tx, {
      flow,
      request: { ...fromStop(who, { id: flow.id, callId }), verb: 'resume' },
    })
  }
  return rows.length
}
