import { CheckreinError } from '../core/errors.ts'
import { importing } from '../executor/os/import-module.ts'
import { report } from './session/failure.ts'
import { exit, onOutputClosed } from './text/output.ts'
import { buildProgram } from './program.ts'

/** Does what the command line says, and ends the process with its exit code. */
export async function run(): Promise<void> {
  onOutputClosed(exit)
  process.once('exit', nameWhoEnded)
  try {
    await buildProgram().parseAsync()
  } catch (error) {
    process.exitCode = report(error, process.argv.includes('--json'))
  }
  // An output that failed is told one turn later.
  process.stdout.write('', () => setImmediate(exit))
}

/** Says which module has ended the process while it was loaded, by `process.exit`: else the command would end without a word, and with its code. */
function nameWhoEnded(): void {
  const [module] = importing()
  if (module === undefined) return
  const error = new CheckreinError('TASK_MODULE_FAILED', {
    message: `${module} ended the process while it was loaded`,
    hint: 'A module that defines tasks must not call process.exit, nor do the work of a program when it is imported.',
  })
  process.exitCode = report(error, process.argv.includes('--json'))
}
