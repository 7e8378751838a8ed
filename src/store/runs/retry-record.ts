/** The record of runs that are tried again: by it, the same call finds again what it has made. */
import type { Tx } from '../driver/driver.ts'
import { type Entry, placeOf } from '../journal/audit-log.ts'
import type { RetryOfRun } from '../port/requests.ts'
import type { SeqRun } from '../rows/runs.ts'

/** A run that is tried again, and the call that asks for it. */
export interface Again {
  readonly call: RetryOfRun
  readonly old: SeqRun
}

/** The new runs that the same calls have made before, by their places. */
export async function madeBefore(
  tx: Tx,
  calls: readonly RetryOfRun[],
): Promise<Map<string, string>> {
  const wanted = calls.map(({ id, asked }) => [asked.callId, id])
  const rows = await tx.each('signalsOfCalls', wanted)
  const found = rows.filter(
    ({ kind, name, reply }) => kind === 'control' && name === 'retry' && reply !== null,
  )
  return new Map(
    found.map(({ call_id, run_id, reply }) => [
      placeOf(call_id, run_id),
      String(JSON.parse(String(reply))),
    ]),
  )
}

/** The entry of the record, under the id of the old run; its reply is the id of the new one. */
export function entryOfRetry({ call, old }: Again): Entry {
  const { asked, newId } = call
  const reply = JSON.stringify(newId)
  return { asked, kind: 'control', name: 'retry', run: old, answer: 'done', isOver: true, reply }
}
