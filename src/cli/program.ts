import { Command } from 'commander'
import { version } from '../worker/version.ts'
import { auditCommands } from './commands/audit.ts'
import { backupCommand } from './commands/backup.ts'
import { bulkCommand } from './commands/bulk.ts'
import { controlCommands } from './commands/control.ts'
import { doctorCommand } from './commands/doctor.ts'
import { enqueueCommand } from './commands/enqueue.ts'
import { holdCommand } from './commands/hold.ts'
import { laneCommands } from './commands/lanes.ts'
import { lookCommands } from './commands/look.ts'
import { migrateCommand } from './commands/migrate.ts'
import { pauseCommands } from './commands/pause.ts'
import { retryCommand } from './commands/retry.ts'
import { signalCommands } from './commands/signal.ts'
import { upkeepCommands } from './commands/upkeep.ts'
import { replyCommand, waitCommands } from './commands/wait.ts'
import { watchCommand } from './commands/watch.ts'
import { workerCommands } from './commands/worker.ts'
import { workflowCommands } from './commands/workflow.ts'

/** The whole command line. Parsing it throws; nothing here ends the process or prints an error. */
export function buildProgram(): Command {
  const program = new Command('checkrein')
    .description('A task queue whose running work stays in hand: stop any run, with proof.')
    .version(version)
    .option(
      '--store <url>',
      'sqlite:<file> or postgres://…; default: $CHECKREIN_STORE, $DATABASE_URL, checkrein.config.ts, or sqlite:checkrein.db',
    )
    .option('--schema <name>', 'on PostgreSQL; default: $CHECKREIN_SCHEMA, or checkrein')
    .option('--json', 'answer with JSON; instants are ISO 8601')
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .configureHelp({ showGlobalOptions: true })
  program.commandsGroup('Execute:')
  workerCommands(program)
  program.commandsGroup('Ask:')
  enqueueCommand(program)
  retryCommand(program)
  lookCommands(program)
  laneCommands(program)
  watchCommand(program)
  waitCommands(program)
  program.commandsGroup('Stop:')
  controlCommands(program)
  program.commandsGroup('Hold:')
  pauseCommands(program)
  holdCommand(program)
  program.commandsGroup('Talk:')
  signalCommands(program)
  replyCommand(program)
  program.commandsGroup('Workflows:')
  workflowCommands(program)
  program.commandsGroup('Look after:')
  auditCommands(program)
  bulkCommand(program)
  upkeepCommands(program)
  migrateCommand(program)
  backupCommand(program)
  doctorCommand(program)
  return program
}
