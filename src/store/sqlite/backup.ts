/**
 * A copy of a store that is in use.
 *
 * The whole copy is one step of SQLite's backup, in a thread of its own: it reads the state of one moment, and neither waits for writers
 * nor keeps them waiting. A backup in several steps would begin anew whenever another process writes, and never be done. The copy gets
 * its name when it is complete, sound, and on the disk.
 * @see https://www.sqlite.org/backup.html
 */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { CheckreinError } from '../../core/errors.ts'
import { Connection } from './connection.ts'
import { createPrivately, fileError, noStore, refuseMissing } from './file.ts'
import { schemaVersion } from './migrate.ts'

/** A copy that was made. */
export interface BackedUp {
  /** Its path, from the root on. */
  readonly file: string
  readonly bytes: number
}

/** How long a program that locks even readers out is waited for, ms. */
const busyMs = 5000
const neighbours = ['', '-wal', '-shm', '-journal'] as const

/** Copies the store in a file into a new file. @throws {CheckreinError} `USAGE` where there is a file already; a `STORE_…` code. */
export async function backupSqlite(file: string, to: string): Promise<BackedUp> {
  const target = resolve(to)
  refuseExisting(target)
  const part = `${target}.${process.pid}.part`
  try {
    refuseMissing(file)
    createPrivately(part)
    await copy(file, part)
    refuseUnsound(part)
    syncAndName(part, target)
    return { file: target, bytes: statSync(target).size }
  } catch (error) {
    throw fileError(error, `the copy of ${file} to ${target}`)
  } finally {
    for (const suffix of neighbours) rmSync(part + suffix, { force: true })
  }
}

/** A log beside a file that is not there would be taken for the copy's own. */
function refuseExisting(target: string): void {
  const there = neighbours.map((suffix) => target + suffix).find((path) => existsSync(path))
  if (there === undefined) return
  throw new CheckreinError('USAGE', {
    message: `There is a file at ${there} already`,
    hint: 'Nothing was changed. Name a file that does not exist, or move that one away.',
    details: { file: there },
  })
}

async function copy(file: string, part: string): Promise<void> {
  const source = Connection.openToRead(file, busyMs)
  try {
    if (schemaVersion(source) === 0) throw noStore(file)
    await source.copyTo(part)
  } finally {
    source.close()
  }
}

function refuseUnsound(part: string): void {
  const connection = Connection.open(part)
  try {
    const answers = connection
      .all('PRAGMA integrity_check(5)')
      .map((row) => String(Object.values(row)[0]))
    if (answers.join('') === 'ok') return
    const message = `The copy is not sound, so neither is the store: ${answers.join('; ')}`
    throw new CheckreinError('STORE_CORRUPT', {
      message,
      hint: 'See `checkrein doctor`. No copy was kept.',
    })
  } finally {
    connection.close()
  }
}

function syncAndName(part: string, target: string): void {
  sync(part)
  // The copy may have taken long.
  refuseExisting(target)
  renameSync(part, target)
  sync(dirname(target))
}

function sync(path: string): void {
  const opened = openSync(path, 'r')
  try {
    fsyncSync(opened)
  } finally {
    closeSync(opened)
  }
}
