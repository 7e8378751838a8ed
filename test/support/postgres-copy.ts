import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'

export interface PostgresCopy {
  /** The running server. */
  readonly url: string
  /** Its data folder. */
  readonly from: string
  /** The folder to make. */
  readonly to: string
  /** The replication slot to make, from which the copy shall get all that is written from now on. */
  readonly slot: string
}

/** Folders whose content does not belong in a copy. @see https://www.postgresql.org/docs/18/protocol-replication.html */
const emptied =
  /^(pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\//
const omitted = /^postmaster\.(pid|opts)$/

/**
 * Copies the data of a server while it runs, as `pg_basebackup` does, which the PostgreSQL from npm lacks, and which must be
 * of the server's version. The copy is a server of its own that begins by reading the log from the slot.
 */
export async function copyOfRunning({ url, from, to, slot }: PostgresCopy): Promise<void> {
  const client = new Client(url)
  await client.connect()
  try {
    await client.query('SELECT pg_create_physical_replication_slot($1, true)', [slot])
    await client.query(`SELECT pg_backup_start('copy', true)`)
    copyFolder({ from, to }, '')
    const { rows } = await client.query<{ labelfile: string }>(
      'SELECT labelfile FROM pg_backup_stop(false)',
    )
    writeFileSync(join(to, 'backup_label'), rows[0]?.labelfile ?? '')
  } finally {
    await client.end()
  }
}

type Folders = Pick<PostgresCopy, 'from' | 'to'>

function copyFolder(folders: Folders, path: string): void {
  const to = join(folders.to, path)
  mkdirSync(to, { mode: 0o700 })
  for (const entry of readdirSync(join(folders.from, path), { withFileTypes: true })) {
    const below = path + entry.name
    if (entry.isDirectory() && !emptied.test(path)) copyFolder(folders, `${below}/`)
    else if (entry.isFile() && !emptied.test(path) && !omitted.test(below)) copyFile(folders, below)
  }
}

/** A file that goes away meanwhile is none that the copy needs: the log says what became of it. */
function copyFile({ from, to }: Folders, path: string): void {
  try {
    copyFileSync(join(from, path), join(to, path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
