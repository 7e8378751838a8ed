/** Long answers, page by page. */
import type { Page } from '../../store/store.ts'

/** Which page of a list is read. */
export interface ListOptions {
  /** 1 to 1,000; default 50. */
  readonly limit?: number
  /** The cursor that came with the page before; default: the first page. */
  readonly cursor?: string | null
  /** Default `newest`. */
  readonly order?: 'newest' | 'oldest'
}

/** A page for the store, with the defaults in place of what the caller left out. */
export function pageOf({ limit = 50, cursor = null, order = 'newest' }: ListOptions): Page {
  return { limit, cursor, order }
}

/** Whether a list or a tree has the payloads of its runs. */
export interface PayloadOptions<Payloads extends boolean = boolean> {
  /** Whether each run has its `input`, `result` and `checkpoint`: then all of them are read; default false. */
  readonly payloads?: Payloads
}
