/** `audit`: the record of what was asked. */
import type { Command } from 'commander'
import type { AuditPage, SignalEntry } from '../../client/views/audit.ts'
import type { Client } from '../../client/client.ts'
import type { ListOptions } from '../../client/options/pages.ts'
import { auditOptions, listOptions } from '../../client/options/parameters.ts'
import { filterWords } from '../text/hold-words.ts'
import { dateTime, plain, style, table, writeJsonLine, writeLine } from '../text/output.ts'
import { given } from '../session/parameters.ts'
import { act, commandFor, type Session, withExample } from '../session/session.ts'
import { cameOfIt, askedWords } from '../text/words.ts'
import type { AuditQuery } from '../../client/options/options.ts'

/** Adds `audit`. */
export function auditCommands(program: Command): void {
  const exporting = 'checkrein audit --order oldest --json > audit.ndjson'
  act(withExample(commandFor(program, 'audit'), exporting), audit)
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

/** The parts of a filter, the task and key, or the id of a hold. */
function targetWords(target: SignalEntry['target']): string {
  return filterWords(target ?? {})
}
