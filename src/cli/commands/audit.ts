/** `audit`: the record of what was asked; `bulk`: how far verbs on filters are. */
import type { Command } from 'commander'
import type { AuditPage, AuditQuery, SignalEntry } from '../../client/audit.ts'
import type { Client } from '../../client/client.ts'
import { operations } from '../../client/operations.ts'
import type { ListOptions } from '../../client/pages.ts'
import { auditOptions, listOptions } from '../../client/parameters.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { Bulk } from '../../store/store.ts'
import { bar } from '../live.ts'
import { brief, dateTime, plain, style, table, writeJsonLine, writeLine } from '../output.ts'
import { given } from '../parameters.ts'
import { act, commandFor, type Session, withExample } from '../session.ts'
import { ago, cameOfIt, askedWords } from '../words.ts'

export function auditCommands(program: Command): void {
  const exporting = 'checkrein audit --order oldest --json > audit.ndjson'
  act(withExample(commandFor(program, 'audit'), exporting), audit)
  const bulks = commandFor(program, 'bulk').argument('[id]', 'id of its call; default: the newest')
  act(withExample(bulks, operations.bulks.example), bulk)
}

/** People get a page; programs each entry on a line, all of them unless `--limit` says otherwise. */
async function audit(session: Session): Promise<void> {
  const options = given(listOptions, session.options) as ListOptions
  const { limit: _, cursor: __, order: ___, ...known } = auditOptions
  const query: AuditQuery = given(known, session.options)
  if (session.isJson) return session.withClient((client) => exported(client, query, options))
  const { entries, cursor } = await session.withClient((client) => client.audit(query, options))
  if (entries.length === 0) return writeLine('nothing was asked')
  const lines = table(['AT', 'BY', 'WHAT', 'OF', 'REASON', 'FROM', 'CAME TO'], entries.map(row))
  for (const line of lines) writeLine(line)
  if (cursor !== null) writeLine(style('dim', `more: the same with --cursor ${cursor}`))
}

const exportedAtOnce = 1000

async function exported(client: Client, query: AuditQuery, options: ListOptions): Promise<void> {
  const { limit = exportedAtOnce } = options
  let { cursor = null } = options
  do {
    const page: AuditPage = await client.audit(query, { ...options, limit, cursor })
    for (const entry of page.entries) writeJsonLine(entry)
    cursor = page.cursor
  } while (cursor !== null && options.limit === undefined)
}

function row(entry: SignalEntry): string[] {
  const { createdAt, by, kind, runId, target, reason, origin } = entry
  const of = runId === null ? targetWords(target) : plain(runId)
  return [
    dateTime(createdAt),
    plain(by ?? ''),
    kind === 'control' ? askedWords(entry) : `${kind} ${askedWords(entry)}`,
    of,
    plain(reason ?? ''),
    plain(origin ?? ''),
    cameOfIt(entry),
  ]
}

/** The parts of a filter, or the task and key. */
function targetWords(target: SignalEntry['target']): string {
  const parts = Object.entries(target ?? {}).map(([part, value]) => `${part} ${brief(value, 40)}`)
  return parts.join(', ') || 'everything'
}

async function bulk(session: Session): Promise<void> {
  const [id] = session.args as [string?]
  if (id === undefined) return list(session)
  const found = await session.withClient((client) => client.bulk(id))
  if (found === null)
    throw new CheckreinError('RUN_NOT_FOUND', {
      message: `There is no verb on a filter with the id ${id}`,
    })
  session.answer(found, () => bulkLines(found, session.now()))
}

async function list(session: Session): Promise<void> {
  const bulks = await session.withClient((client) => client.bulks())
  session.answer(bulks, () => {
    if (bulks.length === 0) return ['no verbs on filters']
    return table(
      ['ID', 'VERB', 'DONE', 'OF', 'ASKED', 'BY', 'FILTER'],
      bulks.map((one) => bulkRow(one, session.now())),
    )
  })
}

function bulkRow(one: Bulk, now: number): string[] {
  const { callId, verb, doneCount, totalCount, createdAt, finishedAt, by, filter } = one
  const done = finishedAt === null ? String(doneCount) : 'all'
  return [
    plain(callId),
    verb,
    done,
    String(totalCount),
    ago(createdAt, now),
    plain(by ?? ''),
    brief(filter, 60),
  ]
}

function bulkLines(one: Bulk, now: number): string[] {
  const { verb, filter, by, reason, createdAt, finishedAt, totalCount, doneCount, counts } = one
  const fraction = finishedAt !== null || totalCount === 0 ? 1 : doneCount / totalCount
  const facts: [string, string | null][] = [
    ['filter', brief(filter, 300)],
    ['by', by === null ? null : plain(by)],
    ['reason', reason === null ? null : plain(reason)],
    ['asked', `${dateTime(createdAt)}, ${ago(createdAt, now)}`],
    ['finished', finishedAt === null ? null : dateTime(finishedAt)],
    ...Object.entries(counts).map(([answer, count]): [string, string] => [answer, String(count)]),
  ]
  return [
    `${verb}  ${bar(Math.min(1, fraction))} ${doneCount} of ${totalCount}`,
    ...facts.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(18)}${value}`])),
  ]
}
