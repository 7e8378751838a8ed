/**
 * Holds: verbs that stand for the runs of a filter until a time, or until they are lifted.
 *
 * A pause of whole tasks or queues is one row, at which claims look: nothing else changes, however many runs there are. Any
 * other hold is carried out on the runs that there are, by a bulk operation, and on each run that comes, when it is enqueued or
 * at the latest when it would start (`store/claims/hold-guard.ts`).
 *
 * A hold does not concern runs that are being rolled back: claims find them in lanes that are held, too.
 *
 * Where writers do not see each other, a run may be paused by a hold that is lifted at the same time. So keepers look for
 * runs that are paused by a hold which does not exist any more, and resume them.
 */
import { callOfHold, callOfHoldEnd } from '../../core/run/call-ids.ts'
import type { RunFilter } from '../../core/filter.ts'
import { checkedHoldFilter, filterText, isOfLanes } from '../../core/hold.ts'
import { idleStates, type State } from '../../core/run/transitions.ts'
import { afterRecord, beginBulk, type Bulks, endBulksOf } from './bulk.ts'
import { Changes } from '../changes/changes.ts'
import { writeChanges } from '../runs/after-ends.ts'
import type { Tx } from '../driver/driver.ts'
import { instantOf } from '../port/instants.ts'
import { isRecorded, nameOf, note } from '../journal/audit-log.ts'
import { holdOf, newHold } from '../rows/requests.ts'
import { runOf } from '../rows/runs.ts'
import type { RequestedBy, ControlVerb, Hold, HoldRequest, Store } from '../store.ts'
import type { BulkRequest, Asked } from '../port/requests.ts'

/** A hold that is on record, and the ids of the bulk operations that carry it out. */
export interface Held {
  readonly callId: string
  readonly hold: Hold
  readonly bulkIds: readonly string[]
}

/** Puts a hold on record, with its bulk operations; the same verb on the same filter again moves its end. */
export async function putHold(tx: Tx, request: HoldRequest): Promise<Held> {
  const filter = checkedHoldFilter(request.filter)
  const { callId, verb, reason, by } = request
  if (await isRecorded(tx, callId)) return heldBefore(tx, request)
  const isLane = isOfLanes({ verb, filter })
  const now = tx.now()
  const until = instantOf(request.until, now)
  const { task = null, queue = null } = isLane ? filter : {}
  const about = { id: callId, verb, filter: filterText(filter), isLane, task, queue }
  const { rollback } = request
  const set = newHold.write({ ...about, createdAt: now, until, rollback, reason, by })
  const [row] = await tx.run('insertHold', set)
  const hold = holdOf(row ?? {})
  const payload = JSON.stringify({ holdId: hold.id, until, inFlight: request.inFlight })
  const entry = {
    kind: 'hold',
    name: nameOf(request),
    run: null,
    answer: 'done',
    isOver: true,
  } as const
  note(tx, [{ ...entry, asked: request, target: filter, payload }])
  const bulkIds: string[] = []
  for (const bulk of bulksOf(request, hold)) {
    await beginBulk(tx, { request: bulk, totalCount: 0 })
    bulkIds.push(bulk.asked.callId)
  }
  return { callId, hold, bulkIds }
}

/** The hold that the same call has put before; it may have been lifted since. */
async function heldBefore(tx: Tx, request: HoldRequest): Promise<Held> {
  const { callId, verb, filter, reason, by, until, rollback } = request
  const [row] = await tx.run('holdByFilter', [verb, filterText(filter)])
  if (row) {
    const hold = holdOf(row)
    return { callId, hold, bulkIds: bulksOf(request, hold).map(({ asked }) => asked.callId) }
  }
  const now = tx.now()
  const past = { createdAt: now, until: instantOf(until, now), rollback }
  return { callId, hold: { id: callId, verb, filter, reason, by, ...past }, bulkIds: [] }
}

type Control = Extract<BulkRequest, { readonly kind: 'control' }>

/** The bulk operations on the runs that there are: on those that have not started, and on those that are running. */
function bulksOf(request: HoldRequest, hold: Hold): readonly Control[] {
  const { verb, inFlight } = request
  const bulks: Control[] = []
  const isPark = inFlight === 'park'
  if (isOfLanes(hold)) {
    if (isPark) bulks.push(bulkOn(request, hold, { verb, state: ['running'] }))
  } else {
    const state = isPark ? [...idleStates, 'running' as const] : idleStates
    bulks.push(bulkOn(request, hold, { verb, state }))
  }
  if (inFlight === 'cancel')
    bulks.push(bulkOn(request, hold, { verb: 'cancel', state: ['running'] }))
  return bulks
}

function bulkOn(
  { callId, reason, by, origin, graceMs, rollback, kill, pause }: HoldRequest,
  hold: Hold,
  { verb, state }: { readonly verb: ControlVerb; readonly state: readonly State[] },
): Control {
  const isLane = isOfLanes(hold)
  const until = hold.until === null ? null : { at: hold.until }
  const parksIn = isLane ? 'queued' : 'paused'
  const asked: Asked = {
    callId: callOfHold(callId, { verb, state: state[0] }),
    verb,
    reason,
    by,
    origin,
    graceMs,
    tombstoneMs: 0,
    rollback,
    ...(kill === undefined ? {} : { kill }),
    pause: { ...pause, until, holdId: hold.id, workflowId: null, parksIn },
  }
  const filter: RunFilter = { ...hold.filter, state: [...new Set(state)] }
  return { kind: 'control', filter, asked }
}

type LiftTarget = Parameters<Store['lift']>[0]

/** Lifts a hold, and puts the bulk operation on record that resumes its runs. @returns null where there is no such hold, and where the same call has lifted it before. */
export async function liftHold(
  tx: Tx,
  { target, who }: { readonly target: LiftTarget; readonly who: RequestedBy },
): Promise<Held | null> {
  if (await isRecorded(tx, who.callId)) return null
  const [found] =
    'id' in target
      ? await tx.run('holdById', [target.id])
      : await tx.run('holdByFilter', [target.verb, filterText(target.filter)])
  const [row] = found ? await tx.run('deleteHold', [holdOf(found).id]) : []
  if (row) return letGo(tx, { hold: holdOf(row), who })
  const name = 'verb' in target ? target.verb : 'hold'
  const entry = { asked: who, kind: 'lift', name, run: null, answer: 'not-found' } as const
  note(tx, [{ ...entry, isOver: true, target: 'id' in target ? target : target.filter }])
  return null
}

/**
 * Ends the holds whose time is over. The runs that they have paused have the same time for their end, and other chores resume them. The runs that are still
 * to park are let go here: they are running, so there are not many.
 * @returns how many holds.
 */
export async function endPastHolds(tx: Tx): Promise<number> {
  const past = (await tx.run('deletePastHolds', [tx.now()])).map(holdOf)
  for (const hold of past) {
    const reason = 'its time was over'
    const who = { callId: callOfHoldEnd(hold.id), reason, by: null, origin: null }
    await end(tx, { hold, who })
    const runs = (await tx.run('pausingRunsToChange', [hold.id])).map(runOf)
    const changes = new Changes(tx.now(), runs)
    for (const { id } of runs)
      changes.decide(id, { type: 'resume', reason, by: null, holdId: hold.id, workflowId: null })
    await writeChanges(tx, changes)
  }
  return past.length
}

interface Ending {
  readonly hold: Hold
  readonly who: RequestedBy
}

/** Records that a hold has ended, and ends its bulk operations. */
async function end(tx: Tx, { hold, who }: Ending): Promise<void> {
  const { id, verb: name, filter: target } = hold
  const payload = JSON.stringify({ holdId: id })
  const entry = { asked: who, kind: 'lift', name, run: null, answer: 'done' } as const
  note(tx, [{ ...entry, isOver: true, payload, target }])
  tx.tell('work')
  await endBulksOf(tx, { holdId: id, workflowId: null })
}

/** Ends a hold before its time: the runs that it has paused are to be resumed. */
async function letGo(tx: Tx, { hold, who }: Ending): Promise<Held> {
  const { callId } = who
  await end(tx, { hold, who })
  if (hold.verb !== 'pause') return { callId, hold, bulkIds: [] }
  const bulk = bulkOn(resuming(who), hold, { verb: 'resume', state: ['running', 'paused'] })
  await beginBulk(tx, { request: bulk, totalCount: 0 })
  return { callId, hold, bulkIds: [bulk.asked.callId] }
}

function resuming(who: RequestedBy): HoldRequest {
  const how = { graceMs: 0, rollback: false, pause: { withinMs: 0, otherwise: 'wait' } } as const
  return { ...who, ...how, verb: 'pause', filter: {}, until: null, inFlight: 'finish' }
}

/** Carries out the bulk operations of a hold. @param before is awaited first. */
export async function carryOutHold(
  bulks: Bulks,
  { callId, hold, bulkIds }: Held,
  before: () => Promise<void> = () => Promise.resolve(),
): Promise<Hold> {
  return afterRecord(callId, async () => {
    await before()
    for (const id of bulkIds) await bulks.goOn(id)
    return hold
  })
}
