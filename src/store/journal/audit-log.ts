/** The record of everything that was asked, a row for each. */
import { newSignal } from '../rows/requests.ts'
import type { ErrorRecord } from '../../core/errors.ts'
import type { RunFilter } from '../../core/filter.ts'
import type { Tx } from '../driver/driver.ts'
import type { RequestedBy, SignalKind, SignalRecord } from '../store.ts'
import type { Param, Row } from '../driver/sql.ts'
import type { PauseOrder } from '../port/requests.ts'

/** One row to be recorded. */
export interface Entry {
  readonly asked: RequestedBy
  readonly kind: SignalKind
  readonly name: string
  readonly run: { readonly seq: number | null; readonly id: string } | null
  readonly answer: SignalRecord['answer']
  /** Whether the request is over: nothing more will come of it. */
  readonly isOver: boolean
  readonly target?: object
  readonly payload?: string | null
  /** The reply, as JSON, where it is known at once. */
  readonly reply?: string
  readonly error?: ErrorRecord
}

/** Records requests, each once: a call that is made again is the same call. @returns the positions of the rows that are new. */
export function record(
  tx: Tx,
  entries: readonly Entry[],
): readonly Row[] | Promise<readonly Row[]> {
  const sets = setsOf(entries, tx.now())
  return sets.length === 0 ? [] : tx.each('insertSignals', sets)
}

/** As `record`, where nobody needs the positions. */
export function note(tx: Tx, entries: readonly Entry[]): void {
  const sets = setsOf(entries, tx.now())
  if (sets.length > 0) tx.send('insertSignals', sets)
}

/** Whether a call about many runs, or about a hold, was made before under this id, and did not end with `not-found`. */
export async function isRecorded(tx: Tx, callId: string): Promise<boolean> {
  const rows = await tx.each('signalsOfCalls', [[callId, null]])
  return rows.some(({ answer }) => answer !== 'not-found')
}

/** The name of a verb in the record: a pause that stops processes where they stand at once is a `freeze`, as people have asked for it. */
export function nameOf({ verb, pause }: Verb): string {
  const isFreeze = verb === 'pause' && pause.otherwise === 'freeze' && pause.withinMs === 0
  return isFreeze ? 'freeze' : verb
}

interface Verb {
  readonly verb: string
  readonly pause: Pick<PauseOrder, 'otherwise' | 'withinMs'>
}

interface AtOnce {
  readonly asked: RequestedBy
  readonly name: string
  readonly payload?: string | null
  readonly filter: RunFilter
  readonly answers: readonly { readonly answer: string }[]
}

/** Records a request to all runs of a filter that was carried out in one transaction, with how many runs gave each answer. */
export function noteAtOnce(tx: Tx, { asked, name, payload = null, filter, answers }: AtOnce): void {
  const reply = JSON.stringify(countsOf({}, answers))
  const entry = { asked, kind: 'bulk', name, payload, run: null, answer: null } as const
  note(tx, [{ ...entry, isOver: true, target: filter, reply }])
}

/** How often each answer was given, added to the counts before. */
export function countsOf(
  before: Readonly<Record<string, number>>,
  answers: readonly { readonly answer: string }[],
): Readonly<Record<string, number>> {
  const counts = { ...before }
  for (const { answer } of answers) counts[answer] = (counts[answer] ?? 0) + 1
  return counts
}

function setsOf(entries: readonly Entry[], now: number): Param[][] {
  const once = new Map<string, Entry>()
  for (const entry of entries) {
    const place = placeOf(entry.asked.callId, entry.run?.id)
    if (!once.has(place)) once.set(place, entry)
  }
  return [...once.values()].map(({ asked, kind, name, run, answer, isOver, ...rest }) =>
    newSignal.write({
      ...asked,
      kind,
      name,
      answer,
      runSeq: run?.seq ?? null,
      runId: run?.id ?? null,
      createdAt: now,
      completedAt: isOver ? now : null,
      target: (rest.target as SignalRecord['target']) ?? null,
      error: rest.error ?? null,
      reply: rest.reply ?? null,
      payload: rest.payload ?? null,
    }),
  )
}

/** A call and the run that it names, as one text: a key of maps. */
export const placeOf = (callId: unknown, runId: unknown): string =>
  JSON.stringify([callId, runId ?? null])
