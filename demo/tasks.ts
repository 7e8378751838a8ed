/** The three tasks that are to be stopped; the one that does real work is in `index-folder.ts`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, rm } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { task } from '../src/index.ts'

/** The processes of a run, as it reports them, so that the demo can look at them. */
export interface Pids {
  /** The process that runs the handler; it leads a process group of its own. */
  readonly handler: number
  /** The processes that the handler started. */
  readonly started: readonly number[]
}

/** A loop that never looks at its abort signal, and ignores SIGTERM too. */
export const cpuLoop = task({
  name: 'cpu-loop',
  run: (_: void, ctx): never => {
    process.on('SIGTERM', () => {})
    ctx.progress({ handler: process.pid, started: [] } satisfies Pids)
    for (;;);
  },
})

/** Waits for a shell and its `sleep`, both of which ignore SIGTERM. */
export const grandchild = task({
  name: 'grandchild',
  run: async (_: void, ctx) => {
    const script = 'trap "" TERM; sleep 600 & echo $!; wait'
    const shell = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(shell, 'spawn')
    const [line] = (await once(shell.stdout, 'data')) as [Buffer]
    const started = [shell.pid ?? 0, Number(String(line))]
    ctx.progress({ handler: process.pid, started } satisfies Pids)
    await once(shell, 'exit')
  },
})

/** Keeps a scratch file and a subprocess; cleans both up when asked to stop, and says how far it got. */
export const polite = task({
  name: 'polite',
  run: async ({ scratch }: { scratch: string }, ctx) => {
    const { abortSignal } = ctx
    const helper = spawn('sleep', ['600'], { stdio: 'ignore' })
    await once(helper, 'spawn')
    let lines = 0
    try {
      while (!abortSignal.aborted) {
        await appendFile(scratch, `line ${++lines}\n`)
        if (lines === 1)
          ctx.progress({ handler: process.pid, started: [helper.pid ?? 0] } satisfies Pids)
        await pause(100, undefined, { signal: abortSignal }).catch(() => undefined)
      }
      return { lines }
    } finally {
      const ended = once(helper, 'exit')
      helper.kill()
      await ended
      await rm(scratch)
    }
  },
})
