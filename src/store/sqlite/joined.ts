import type { DatabaseSync } from 'node:sqlite'
import { CheckreinError } from '../../core/errors.ts'
import { Connection } from './connection.ts'

/** The caller's own connection, on which a transaction has begun. @throws {CheckreinError} `USAGE`. */
export function joinedConnection(transaction: unknown): Connection {
  const db = transaction as Partial<DatabaseSync> | null
  if (typeof db?.prepare !== 'function' || db.isTransaction === undefined) {
    throw new CheckreinError('USAGE', {
      message: 'That is not a transaction of this database',
      hint: 'Give the DatabaseSync of node:sqlite, open on the same file, on which you have begun one.',
    })
  }
  if (db.isTransaction) return new Connection(db as DatabaseSync)
  throw new CheckreinError('USAGE', {
    message: 'No transaction has begun on that connection',
    hint: "Begin it first: db.exec('BEGIN IMMEDIATE').",
  })
}
