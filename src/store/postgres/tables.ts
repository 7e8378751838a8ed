/** The tables of a store on PostgreSQL: the one list of their names. */
export const tables = [
  'runs',
  'tags',
  'feed',
  'checkpoints',
  'borrowed',
  'workers',
  'tombstones',
  'signals',
  'bulks',
  'holds',
  'workflows',
  'nodes',
  'migrations',
] as const

/** The name of a table. */
export type TableName = (typeof tables)[number]
