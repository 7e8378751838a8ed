/** What every store promises. Differences are skips, each with its reason. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type OpenPlace, StoreBed } from '../store/bed.ts'
import type { Promises } from './promises.ts'
import { enqueuePromises, keyPromises } from './store-enqueue.ts'
import { claimPromises, leasePromises, timePromises } from './store-work.ts'
import { controlPromises, repeatedPromises, tombstonePromises } from './store-control.ts'
import {
  checkpointPromises,
  deadlinePromises,
  pausePromises,
  rollbackPromises,
  waitPromises,
} from './store-reins.ts'
import { feedPromises, listPromises, prunePromises, sharingPromises } from './store-read.ts'
import { bulkPromises, laneHoldPromises, matchPromises, rowHoldPromises } from './store-holds.ts'
import { lanePromises } from './store-lanes.ts'
import { recordPromises, signalPromises } from './store-signals.ts'
import { childPromises, childStopPromises } from './store-children.ts'
import { rollbackRetryPromises } from './store-retry-rollback.ts'
import { retryPromises } from './store-retry.ts'
import { flowKeyPromises } from './store-workflow-keys.ts'
import { hookPromises } from './store-workflow-hooks.ts'
import { movedSignalPromises } from './store-workflow-moves.ts'
import { againPromises } from './store-workflow-retry.ts'
import { workflowPromises } from './store-workflows.ts'
import { flowPausePromises, stopPromises, storedPromises } from './store-workflow-verbs.ts'

export interface Skip {
  readonly test: string
  readonly reason: string
}

const rooms: Readonly<Record<string, Promises>> = {
  enqueue: enqueuePromises,
  keys: keyPromises,
  claims: claimPromises,
  leases: leasePromises,
  time: timePromises,
  control: controlPromises,
  'the same call again': repeatedPromises,
  tombstones: tombstonePromises,
  lists: listPromises,
  'queues and tasks': lanePromises,
  feeds: feedPromises,
  prune: prunePromises,
  checkpoints: checkpointPromises,
  pauses: pausePromises,
  waits: waitPromises,
  'roll-backs': rollbackPromises,
  deadlines: deadlinePromises,
  signals: signalPromises,
  'the record': recordPromises,
  'verbs on many': bulkPromises,
  'holds on lanes': laneHoldPromises,
  'holds on runs': rowHoldPromises,
  'what a filter means': matchPromises,
  'many at once': sharingPromises,
  children: childPromises,
  'children of what is stopped': childStopPromises,
  'runs that are tried again': retryPromises,
  'roll-backs that are tried again': rollbackRetryPromises,
  workflows: workflowPromises,
  'hooks of members that are stopped': hookPromises,
  'workflows that are run again from a node': againPromises,
  'keys of workflows': flowKeyPromises,
  'signals of workflows that are moved': movedSignalPromises,
  'workflows as they are stored': storedPromises,
  'workflows that are stopped': stopPromises,
  'workflows that are paused': flowPausePromises,
}

/**
 * Runs the suite against one kind of store.
 * @throws where a skip names no test.
 */
export function storeConformance(
  name: string,
  open: OpenPlace,
  { skip }: { readonly skip: readonly Skip[] } = { skip: [] },
): void {
  const known = new Set(Object.values(rooms).flatMap((promises) => Object.keys(promises)))
  for (const { test: skipped } of skip)
    assert.ok(known.has(skipped), `a skip names no test: ${skipped}`)
  for (const [room, promises] of Object.entries(rooms)) {
    suite(`${name}: ${room}`, () => {
      for (const [promise, body] of Object.entries(promises)) {
        const reason = skip.find((one) => one.test === promise)?.reason
        test(promise, { skip: reason ?? false }, async () => {
          await using bed = await StoreBed.make(open)
          await body(bed)
        })
      }
    })
  }
}
