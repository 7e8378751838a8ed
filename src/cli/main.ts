#!/usr/bin/env node
/** The entry of the `checkrein` command. */
import { report } from './failure.ts'
import { onOutputClosed } from './output.ts'
import { buildProgram } from './program.ts'

onOutputClosed(() => process.exit())
try {
  await buildProgram().parseAsync()
} catch (error) {
  process.exitCode = report(error, process.argv.includes('--json'))
}
process.stdout.write('', () => process.exit())
