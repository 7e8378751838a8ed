/** The record of one run, a page at a time. */
import type { Store } from '../../store/store.ts'
import type { ListOptions } from '../options/pages.ts'
import { signalListOptions } from '../options/parameters.ts'
import { refuseUnknownOptions } from '../options/unknown-options.ts'
import { type AuditPage, auditPage } from './audit.ts'
import { notFound } from './errors.ts'

/**
 * A page of the requests to one run, signals and verbs, also of those to many runs of which it was one; oldest first by default.
 * @throws {CheckreinError} `RUN_NOT_FOUND` where there is neither the run nor a record of it; `USAGE`.
 */
export async function signalsPage(
  store: Pick<Store, 'signals' | 'get'>,
  runId: string,
  options: ListOptions,
): Promise<AuditPage> {
  refuseUnknownOptions('signals', options, signalListOptions)
  const page = await auditPage(store, { runId }, { order: 'oldest', ...options })
  const isUnknown = page.entries.length === 0 && (await store.get(runId)) === null
  if (isUnknown) throw notFound(runId)
  return page
}
