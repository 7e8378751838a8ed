/** `backup`: a copy of a store in a file, while it is in use. */
import type { Command } from 'commander'
import { backup } from '../../client/connect.ts'
import { act, type Session, withExample } from '../session/session.ts'

/** Adds `backup`. */
export function backupCommand(program: Command): void {
  const command = program
    .command('backup')
    .description(
      'copy the store, as it stands at one moment, while workers and clients write to it; on SQLite',
    )
    .argument('<file>', 'a file that does not exist yet')
  act(withExample(command, 'checkrein backup /backups/work-2026-12-01.db'), copyStore)
}

async function copyStore(session: Session): Promise<void> {
  const [file] = session.args as [string]
  const copy = await backup(session.store.url, file, session.store.options)
  session.answer(copy, () => [`copied to ${copy.file}, ${copy.bytes} bytes, which are sound`])
}
