import { report } from './session/failure.ts'
import { exit, onOutputClosed } from './text/output.ts'
import { buildProgram } from './program.ts'

/** Does what the command line says, and ends the process with its exit code. */
export async function run(): Promise<void> {
  onOutputClosed(exit)
  try {
    await buildProgram().parseAsync()
  } catch (error) {
    process.exitCode = report(error, process.argv.includes('--json'))
  }
  // An output that failed is told one turn later.
  process.stdout.write('', () => setImmediate(exit))
}
