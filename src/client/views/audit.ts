/** The record of everything that was asked of runs, to read. */
import { isRecord } from '../../core/is-record.ts'
import { CheckreinError } from '../../core/errors.ts'
import { decodePayload } from '../../core/payload.ts'
import type { SignalQuery, SignalRecord, Store } from '../../store/store.ts'
import { instantOf } from '../options/instants.ts'
import { type ListOptions, pageOf } from '../options/pages.ts'
import type { AuditQuery } from '../options/options.ts'

/** One request as it stands on record: a signal, or a verb on a run or on many. Instants are epoch ms. */
export interface SignalEntry extends Omit<SignalRecord, 'payload' | 'reply'> {
  readonly payload: unknown
  /** The reply of the handler; for a verb its outcome. */
  readonly reply: unknown
}

/** A page of the audit log. */
export interface AuditPage {
  readonly entries: readonly SignalEntry[]
  /** The cursor for the next page; null where this is the last. */
  readonly cursor: string | null
}

/** A row of the record as people see it, with its payloads read. */
export function signalEntry(record: SignalRecord): SignalEntry {
  const { payload, reply } = record
  return { ...record, payload: decodePayload(payload), reply: decodePayload(reply) }
}

/** A page of the record. @throws {CheckreinError} `USAGE`. */
export async function auditPage(
  store: Pick<Store, 'signals'>,
  query: AuditQuery,
  options: ListOptions,
): Promise<AuditPage> {
  const { limit, cursor, order } = pageOf(options)
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
    throw badQuery('limit must be a whole number from 1 to 1,000')
  if (cursor !== null && !/^\d{1,15}$/.test(cursor)) throw badQuery('cursor is not one of ours')
  const from =
    order === 'newest'
      ? { before: cursor === null ? Number.MAX_SAFE_INTEGER : Number(cursor) }
      : { after: cursor === null ? -1 : Number(cursor) }
  const records = await store.signals(storeQuery(query), { ...from, limit })
  const last = records.length < limit ? undefined : records.at(-1)
  return { entries: records.map(signalEntry), cursor: last ? String(last.position) : null }
}

/** All of a run's, oldest first. */
export async function entriesOf(
  store: Pick<Store, 'signals'>,
  runId: string,
): Promise<readonly SignalEntry[]> {
  const entries: SignalEntry[] = []
  for (let cursor: string | null = null, isFirst = true; isFirst || cursor !== null;) {
    isFirst = false
    const page: AuditPage = await auditPage(
      store,
      { runId },
      { limit: 1000, cursor, order: 'oldest' },
    )
    entries.push(...page.entries)
    cursor = page.cursor
  }
  return entries
}

const parts = [
  'runId',
  'callId',
  'kind',
  'name',
  'by',
  'createdAfter',
  'createdBefore',
  'isPending',
] as const satisfies (keyof AuditQuery)[]

function storeQuery(query: AuditQuery): SignalQuery {
  const asked: unknown = query
  if (!isRecord(asked)) throw badQuery('what is asked of the record must be an object')
  const unknown = Object.keys(query).find((part) => !(parts as readonly string[]).includes(part))
  if (unknown !== undefined) throw badQuery(`the record has no part ${JSON.stringify(unknown)}`)
  const { callId, kind, name, createdAfter, createdBefore, runId, by, isPending } = query
  return {
    ...(runId === undefined ? {} : { runId }),
    ...(by === undefined ? {} : { by }),
    ...(isPending === undefined ? {} : { isPending }),
    ...(callId === undefined ? {} : { callIds: [callId] }),
    ...(kind === undefined ? {} : { kinds: listOf(kind) }),
    ...(name === undefined ? {} : { names: listOf(name) }),
    ...(createdAfter === undefined
      ? {}
      : { createdAfter: instantOf(createdAfter, 'createdAfter').at }),
    ...(createdBefore === undefined
      ? {}
      : { createdBefore: instantOf(createdBefore, 'createdBefore').at }),
  }
}

function listOf<Word extends string>(words: Word | readonly Word[]): readonly Word[] {
  return typeof words === 'string' ? [words] : words
}

const badQuery = (message: string): CheckreinError => new CheckreinError('USAGE', { message })
