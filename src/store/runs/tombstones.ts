/** Tombstones: stops that wait for an id or a key that does not exist yet. */
import { newTombstone } from '../rows/requests.ts'
import { isStopVerb } from '../../core/run/transitions.ts'
import type { Tx } from '../driver/driver.ts'
import { isRecorded, note } from '../journal/audit-log.ts'
import type { Controlled, ControlRequest, RequestedBy } from '../store.ts'

interface Place {
  /** `task` is empty for an id. */
  readonly place: { readonly kind: 'id' | 'key'; readonly task: string; readonly value: string }
  readonly asked: Pick<ControlRequest, 'verb' | 'reason' | 'by' | 'tombstoneMs'>
}

/** Leaves tombstones. @returns until when each stands, epoch ms, by its id or key; empty where the verb leaves none. */
export async function leaveTombstones(
  tx: Tx,
  places: readonly Place[],
): Promise<ReadonlyMap<string, number>> {
  const now = tx.now()
  const rows = places.flatMap(({ place, asked: { verb, reason, by, tombstoneMs } }) =>
    tombstoneMs === 0 || !isStopVerb(verb)
      ? []
      : [{ ...place, verb, reason, by, createdAt: now, expiresAt: now + tombstoneMs }],
  )
  if (rows.length === 0) return new Map()
  const left = await tx.each('insertTombstones', rows.map(newTombstone.write))
  return new Map(left.map((row) => [String(row['value']), Number(row['expires_at'])]))
}

/**
 * Asks a verb for the second time, of the ids for which it has left tombstones. Where writers do not see each other, a run may have
 * been enqueued while a tombstone was left for it. Once the tombstone is durable, either the enqueue or the claim sees it, or
 * the run is there when the verb is asked again.
 */
export async function askedAgain(
  answers: readonly Controlled[],
  ask: (missing: readonly string[]) => Promise<readonly Controlled[]>,
): Promise<readonly Controlled[]> {
  const missing = answers.filter(hasTombstone).map(({ id }) => id ?? '')
  if (missing.length === 0) return answers
  const second = [...(await ask(missing))]
  return answers.map((one) => {
    const now = hasTombstone(one) ? second.shift() : undefined
    return now && now.answer !== 'not-found' ? now : one
  })
}

const hasTombstone = ({ tombstoneUntil }: Controlled): boolean => tombstoneUntil !== null

interface Lift {
  readonly target: { readonly id: string } | { readonly task: string; readonly key: string }
  readonly who: RequestedBy
}

/** Takes a tombstone away, and puts that on record. @returns whether there was one, also where the same call has taken it away before. */
export async function liftTombstone(tx: Tx, { target, who }: Lift): Promise<boolean> {
  if (await isRecorded(tx, who.callId)) return true
  const place = 'id' in target ? ['id', '', target.id] : ['key', target.task, target.key]
  const wasThere = (await tx.each('deleteTombstone', [place])).length > 0
  const entry = { kind: 'lift', name: 'tombstone', run: null, isOver: true } as const
  note(tx, [{ ...entry, asked: who, target, answer: wasThere ? 'done' : 'not-found' }])
  return wasThere
}
