/** URLs and pools, which name a store. */
import type { PgPool } from './postgres/connection/pg.ts'

/** A URL, or a `pg.Pool` of the caller's. */
export type StorePlace = string | PgPool

/** Whether a URL names a store on PostgreSQL. */
export function isPostgresUrl(url: string): boolean {
  return /^postgres(ql)?:\/\//.test(url)
}

/** The schema in the `?schema=name` of a URL. Prisma writes `public` there for its own tables; ours are not to be mixed with those, so that name counts as none. */
export function schemaIn(place: StorePlace): { schema?: string } {
  const schema = typeof place === 'string' ? /[?&]schema=([^&#]*)/.exec(place)?.[1] : undefined
  return schema === undefined || schema === 'public' ? {} : { schema }
}

/**
 * A URL as it may be shown: without the password, and without the query, which may have one too. Passwords are written
 * into URLs as they are, with whatever is in them; where it cannot be told where one ends, little is shown.
 */
export function shownUrl(url: string): string {
  const [, scheme = '', rest = ''] = /^([\w+.-]*:\/+)?(.*)$/s.exec(url) ?? []
  const at = rest.lastIndexOf('@')
  const query = rest.search(/[?#]/)
  if (at === -1) return scheme + rest.replace(/[?#].*$/s, '')
  const [user = ''] = rest.split(/[:@/?#]/, 1)
  return query !== -1 && query < at
    ? `${scheme}${user}…`
    : `${scheme}${user}${rest.slice(at).replace(/[?#].*$/s, '')}`
}
