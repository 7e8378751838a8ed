/** Does one command line after the other in one process, as `src/cli/run.ts` does one, and answers with what each has said. */
import { buildProgram } from '../../src/cli/program.ts'
import { report } from '../../src/cli/session/failure.ts'
import type { Asked, Ended } from './resident.ts'

const said = { stdout: '', stderr: '' }
for (const name of ['stdout', 'stderr'] as const)
  process[name].write = (text: string | Uint8Array): boolean => {
    said[name] += String(text)
    return true
  }

process.on('message', (asked: Asked) => void answer(asked))
process.on('disconnect', () => process.exit())

async function answer({ args, cwd, env }: Asked): Promise<void> {
  process.chdir(cwd)
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, env)
  Object.assign(said, { stdout: '', stderr: '' })
  process.exitCode = 0
  try {
    await buildProgram().parseAsync(args, { from: 'user' })
  } catch (error) {
    process.exitCode = report(error, args.includes('--json'))
  }
  const ended: Ended = { code: process.exitCode, ...said }
  process.send?.(ended)
}
