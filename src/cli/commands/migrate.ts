/** `migrate`: the tables of the store, made or brought up to date. */
import type { Command } from 'commander'
import { type Migrated, migrate } from '../../client/connect.ts'
import { act, hurried, type Session, withExample } from '../session/session.ts'

/** With `--dry-run`, where something is to be done. */
const pendingCode = 1

/** Adds `migrate`. */
export function migrateCommand(program: Command): void {
  const command = program
    .command('migrate')
    .description('make the tables of the store, or bring them up to date')
    .option(
      '--dry-run',
      'print the SQL that would be run, and exit with 1; with 0 where there is none',
    )
    .option('--force', 'migrate even while workers run that cannot work with the newer tables')
  act(withExample(command, 'checkrein migrate --dry-run', 'checkrein migrate'), bringUpToDate)
}

async function bringUpToDate(session: Session): Promise<number> {
  const { dryRun: isDryRun = false, force: isForced = false } = session.options as {
    dryRun?: boolean
    force?: boolean
  }
  const migrated = await migrate(session.store.url, {
    ...session.store.options,
    ...hurried,
    isDryRun,
    isForced,
  })
  const isPending = isDryRun && migrated.sql !== ''
  session.answer({ ...migrated, isDryRun }, () => [isPending ? migrated.sql : words(migrated)])
  return isPending ? pendingCode : 0
}

function words({ from, to }: Migrated): string {
  if (from === to) return `up to date: schema version ${to}`
  return from === 0 ? `made: schema version ${to}` : `brought from schema version ${from} to ${to}`
}
