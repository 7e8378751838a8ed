/**
 * Numbered migrations, forward only.
 *
 * Each runs in a write transaction that reads the version first, so of two migrators one does the work and the other
 * finds it done. A database that a newer Checkrein made is refused before anything is written.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { CheckreinError } from '../../core/errors.ts'

/** One migration; `sql` is the text of its file. */
export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

/** How migrations are to be run. */
export interface MigrateOptions {
  /** Whether only to say what would be done. */
  readonly isDryRun?: boolean
  /** Whether to migrate also while workers run that a migration does not work with; their writes may fail then. */
  readonly isForced?: boolean
}

/** The outcome of a migration, or of a dry run. */
export interface Migrated {
  /** The version that the schema had; 0 where there was none. */
  readonly from: number
  readonly to: number
  /** The SQL that was run, or would be; empty where the schema was up to date. */
  readonly sql: string
}

/** The migrations in a folder of `0001_name.sql` files, in order. */
export function migrationsIn(folder: URL): readonly Migration[] {
  const files = filesIn(folder).filter((file) => file.endsWith('.sql'))
  return files.sort().map((file, at) => {
    const match = /^(\d{4})_(\w+)\.sql$/.exec(file)
    if (!match || Number(match[1]) !== at + 1) {
      throw new CheckreinError('INTERNAL', { message: `migration ${file} is out of order` })
    }
    return {
      version: at + 1,
      name: String(match[2]),
      sql: readFileSync(new URL(file, folder), 'utf8'),
    }
  })
}

/** @throws {CheckreinError} `PACKAGE_INCOMPLETE` where the folder did not come with the code. */
function filesIn(folder: URL): string[] {
  try {
    return readdirSync(folder)
  } catch (cause) {
    throw new CheckreinError('PACKAGE_INCOMPLETE', {
      hint: 'A bundler takes the code alone. Leave checkrein out of the bundle: `--external:checkrein` of esbuild, `serverExternalPackages` of Next.js.',
      details: { folder: folder.href },
      cause,
    })
  }
}

/**
 * The migrations that a database of this version still needs.
 * @throws {CheckreinError} `SCHEMA_TOO_NEW` where it has more than we know.
 */
export function pending(
  all: readonly Migration[],
  version: number,
  where: string,
): readonly Migration[] {
  if (version <= all.length) return all.slice(version)
  throw new CheckreinError('SCHEMA_TOO_NEW', {
    message: `${where} has schema version ${version}; this Checkrein knows versions up to ${all.length}`,
    hint: 'Update the checkrein package of this program to the one that the others use. Nothing was changed.',
    details: { version, known: all.length },
  })
}
