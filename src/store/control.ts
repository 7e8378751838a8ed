/** The client's verbs, on ids, a key or a filter. */
import { stopVerbs, type StopVerb } from '../core/transitions.ts'
import { Changes, loadRuns } from './apply.ts'
import type { Statements, Tx } from './driver.ts'
import { runOf } from './rows.ts'
import type { Controlled, ControlRequest } from './store.ts'

/** How many runs of a filter change in one transaction. */
export const controlChunk = 1000

type Asked = Omit<ControlRequest, 'target'>

/** Applies the verb to runs by id; leaves tombstones for those that do not exist. One answer each, in order. */
export async function controlIds(
  tx: Tx,
  statements: Statements,
  { ids, asked }: { readonly ids: readonly string[]; readonly asked: Asked },
): Promise<readonly Controlled[]> {
  const changes = new Changes(tx.now(), await loadRuns(tx, statements, ids))
  const missing = new Set(ids.filter((id) => !changes.get(id)))
  const places = [...missing].map((id) => ['id', '', id] as const)
  const until = await leaveTombstones(tx, statements, { places, asked })
  const answers = ids.map((id): Controlled => {
    if (missing.has(id))
      return { id, answer: 'not-found', state: null, tombstoneUntil: until.get(id) ?? null }
    return controlOne(changes, id, asked)
  })
  await changes.write(tx, statements)
  return answers
}

/** Applies the verb to the run that holds the key, or leaves a tombstone for the next one that would. */
export async function controlKey(
  tx: Tx,
  statements: Statements,
  { task, key, asked }: { readonly task: string; readonly key: string; readonly asked: Asked },
): Promise<Controlled> {
  const [row] = await tx.all(statements.keyHolder, [task, key])
  if (!row) {
    const places = [['key', task, key] as const]
    const until = await leaveTombstones(tx, statements, { places, asked })
    return { id: null, answer: 'not-found', state: null, tombstoneUntil: until.get(key) ?? null }
  }
  const run = runOf(row)
  const changes = new Changes(tx.now(), [run])
  const answer = controlOne(changes, run.id, asked)
  await changes.write(tx, statements)
  return answer
}

/** Applies the verb to some of the runs of a filter. */
export async function controlRuns(
  tx: Tx,
  statements: Statements,
  { seqs, asked }: { readonly seqs: readonly number[]; readonly asked: Asked },
): Promise<readonly Controlled[]> {
  const runs = (await tx.all(statements.runsBySeq, [JSON.stringify(seqs)])).map(runOf)
  const changes = new Changes(tx.now(), runs)
  const answers = runs.map((run) => controlOne(changes, run.id, asked))
  await changes.write(tx, statements)
  return answers
}

function controlOne(changes: Changes, id: string, asked: Asked): Controlled {
  const { answer } = changes.decide(id, {
    type: asked.verb,
    reason: asked.reason,
    by: asked.by,
    graceMs: asked.graceMs,
  })
  return { id, answer, state: changes.get(id)?.state ?? null, tombstoneUntil: null }
}

type Place = readonly [kind: 'id' | 'key', task: string, value: string]

/** Until when each stands, by its id or key; empty where the verb leaves none. */
async function leaveTombstones(
  tx: Tx,
  statements: Statements,
  { places, asked }: { readonly places: readonly Place[]; readonly asked: Asked },
): Promise<ReadonlyMap<string, number>> {
  if (places.length === 0 || asked.tombstoneMs === 0 || !isStopVerb(asked.verb)) return new Map()
  const now = tx.now()
  const rows = places.map((place) => [
    ...place,
    asked.verb,
    asked.reason,
    asked.by,
    now,
    now + asked.tombstoneMs,
  ])
  const left = await tx.each(statements.insertTombstones, rows)
  return new Map(left.map((row) => [String(row['value']), Number(row['expires_at'])]))
}

function isStopVerb(verb: string): verb is StopVerb {
  return (stopVerbs as readonly string[]).includes(verb)
}
