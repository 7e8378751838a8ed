/** Signals: messages to the handlers of runs, which are kept with the run, in order, until its handler is through with them. */
import { CheckreinError } from '../../core/errors.ts'
import { checkedFilter } from '../../core/filter.ts'
import { isFinal } from '../../core/run/transitions.ts'
import { Changes, loadRuns } from '../changes/changes.ts'
import { writeChanges } from '../runs/after-ends.ts'
import type { Tx } from '../driver/driver.ts'
import { unheard } from '../changes/effects.ts'
import { type Entry, isRecorded, note, noteAtOnce, placeOf, record } from '../journal/audit-log.ts'
import type { SeqRun } from '../rows/runs.ts'
import type { Signalled, SignalRequest, Target } from '../store.ts'
import { matchParams, type Param, type Row } from '../driver/sql.ts'
type Message = Omit<SignalRequest, 'target'>

/** A message to one run. */
export interface SignalToId {
  readonly id: string
  readonly message: Message
}

/** Sends messages to runs by id. One answer each, in order; a message that was sent before is not sent again. */
export async function signalIds(
  tx: Tx,
  calls: readonly SignalToId[],
): Promise<readonly Signalled[]> {
  const ids = [...new Set(calls.map(({ id }) => id))]
  const changes = new Changes(tx.now(), await loadRuns(tx, ids))
  const entries = calls.map(({ id, message }) => entryOf(id, message, changes.get(id)))
  const placed = await record(tx, entries)
  const known = new Map(placed.map((row) => [placeOf(row['call_id'], row['run_id']), row]))
  const unplaced = entries.filter(({ asked, run }) => !known.has(placeOf(asked.callId, run?.id)))
  const before = await sentBefore(tx, unplaced)
  const answers: Signalled[] = []
  for (const { id, message } of calls) {
    const place = placeOf(message.callId, id)
    const old = before.get(place)
    const position = Number((old ?? known.get(place))?.['position'])
    if (!changes.get(id)) answers.push({ runId: id, answer: 'not-found', position: null })
    else if (old)
      answers.push({ runId: id, answer: old['answer'] as Signalled['answer'], position })
    else {
      const { answer } = changes.decide(id, { type: 'signal', name: message.name, position })
      answers.push({ runId: id, answer, position })
      before.set(place, { position, answer })
    }
  }
  await writeChanges(tx, changes)
  return answers
}

function entryOf(id: string, message: Message, run: SeqRun | undefined): Entry {
  const { name, payload } = message
  const entry = { asked: message, kind: 'signal', name, payload } as const
  if (!run) return { ...entry, run: { id, seq: null }, answer: 'not-found', isOver: true }
  const isLate = isFinal(run.state) || run.rollback !== null
  const late = { answer: 'too-late', isOver: true, error: unheard } as const
  return { ...entry, run, ...(isLate ? late : { answer: 'sent', isOver: false }) }
}

/** The rows that an earlier call under the same id has recorded, by call and run (`placeOf`). */
async function sentBefore(tx: Tx, entries: readonly Entry[]): Promise<Map<string, Row>> {
  const missing = entries.map(({ asked, run }): Param[] => [asked.callId, run?.id ?? null])
  if (missing.length === 0) return new Map()
  const rows = await tx.each('signalsOfCalls', missing)
  return new Map(rows.map((row) => [placeOf(row['call_id'], row['run_id']), row]))
}

/** Sends a message to the run that holds the key. */
export async function signalKey(
  tx: Tx,
  {
    task,
    key,
    message,
  }: { readonly task: string; readonly key: string; readonly message: Message },
): Promise<Signalled> {
  const [[row], [before]] = await Promise.all([
    tx.each('keyHolderToChange', [[task, key]]),
    tx.run('answerOfCall', [message.callId, 'signal']),
  ])
  if (before)
    return {
      runId: String(before['run_id']),
      answer: before['answer'] as Signalled['answer'],
      position: Number(before['position']),
    }
  if (!row) {
    const { name, payload } = message
    const entry = { asked: message, kind: 'signal', name, payload, run: null } as const
    note(tx, [{ ...entry, answer: 'not-found', isOver: true, target: { task, key } }])
    return { runId: null, answer: 'not-found', position: null }
  }
  const [answer] = await signalIds(tx, [{ id: String(row['id']), message }])
  if (!answer) throw new CheckreinError('INTERNAL', { message: 'a signal was not answered' })
  return answer
}

/** Sends a message to any target as part of a transaction, however many runs a filter finds. */
export async function signalWithin(
  tx: Tx,
  { target, message }: { readonly target: Target; readonly message: Message },
): Promise<readonly Signalled[]> {
  if ('ids' in target)
    return signalIds(
      tx,
      target.ids.map((id) => ({ id, message })),
    )
  if ('key' in target) return [await signalKey(tx, { ...target, message })]
  const filter = checkedFilter(target.filter)
  if (await isRecorded(tx, message.callId)) return []
  const sql = tx.statements.filterSql(filter)
  const matched = await tx.all(tx.statements.matchRuns(sql), matchParams(sql))
  const answers = await signalIds(
    tx,
    matched.map((row) => ({ id: String(row['id']), message })),
  )
  const { name, payload } = message
  noteAtOnce(tx, { asked: message, name, payload, filter, answers })
  return answers
}
