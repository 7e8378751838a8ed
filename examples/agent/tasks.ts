import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { task } from '../../src/index.ts'

export interface Step {
  readonly command: string
  readonly exitCode: number | null
  readonly output: string
}

/** Runs one shell command after the other, as an agent runs its tools. When it is stopped it hands over what it has. */
export const agent = task({
  name: 'agent',
  input: z.object({ commands: z.array(z.string()).min(1) }),
  timeout: '10m',
  hardTimeout: '11m',
  run: async ({ commands }, ctx) => {
    const steps: Step[] = []
    for (const command of commands) {
      if (ctx.abortSignal.aborted) break
      ctx.log('running', { command })
      ctx.progress({ done: steps.length, of: commands.length, command })
      steps.push(await runTool(command, ctx.abortSignal))
    }
    return { steps }
  },
})

/** A subprocess that the abort signal ends; should it resist, the end of the grace does. */
async function runTool(command: string, signal: AbortSignal): Promise<Step> {
  const shell = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] })
  const end = (): boolean => shell.kill()
  signal.addEventListener('abort', end, { once: true })
  const [output, [exitCode]] = await Promise.all([text(shell.stdout), once(shell, 'exit')])
  signal.removeEventListener('abort', end)
  return { command, exitCode: exitCode as number | null, output: output.trim() }
}
