import type { Finding } from '../store.ts'
import type { Row } from '../driver/sql.ts'

/** The findings about the health of a file: whether it is sound, its journal, the version of SQLite, and its schema. */
export function sqliteFindings(
  all: (sql: string) => readonly Row[],
  file: string,
): readonly Finding[] {
  return [integrity(all, file), journal(all), runtime(), schema(all)]
}

const first = (rows: readonly Row[]): unknown => Object.values(rows[0] ?? {})[0]

function integrity(all: (sql: string) => readonly Row[], file: string): Finding {
  const answers = all('PRAGMA quick_check(5)').map((row) => String(Object.values(row)[0]))
  if (answers.join('') === 'ok')
    return { name: 'integrity', level: 'ok', message: `${file} is sound` }
  const hint =
    'Stop the workers, keep the file, and recover with `sqlite3 FILE .recover`, or restore a backup.'
  return { name: 'integrity', level: 'error', message: answers.join('; '), hint }
}

function journal(all: (sql: string) => readonly Row[]): Finding {
  const mode = String(first(all('PRAGMA journal_mode')))
  if (mode === 'wal') return { name: 'journal', level: 'ok', message: 'write-ahead log' }
  const hint = 'The file system may lack shared memory (NFS does): move the file to a local disk.'
  return { name: 'journal', level: 'error', message: `journal mode is ${mode}, not wal`, hint }
}

function runtime(): Finding {
  return {
    name: 'sqlite',
    level: 'ok',
    message: `SQLite ${process.versions.sqlite}, Node ${process.version}`,
  }
}

function schema(all: (sql: string) => readonly Row[]): Finding {
  const version = first(all('SELECT max(version) FROM checkrein_schema'))
  return { name: 'schema', level: 'ok', message: `schema version ${String(version)}` }
}
