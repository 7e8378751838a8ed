/** Tasks that hear the OS signals by which they are killed; what they hear is seen in a file. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { type Context, type Isolation, task } from '../../src/index.ts'

export interface Ears {
  readonly file: string
  /** What the handler does at a signal: it exits, its handler returns, or it goes on. */
  readonly does: 'exits' | 'returns' | 'goes on'
  /** Whether it has subprocesses that hear signals, too. */
  readonly hasChildren?: boolean
}

const heard = ['SIGTERM', 'SIGINT', 'SIGUSR2'] as const

/** Says which signals it hears, and cleans up before it ends. */
async function listen({ file, does, hasChildren = false }: Ears, ctx: Context): Promise<string> {
  // The test runner has it write a report at SIGUSR2.
  if (process.report) process.report.reportOnSignal = false
  const gone = new AbortController()
  for (const osSignal of heard) process.on(osSignal, () => hear(osSignal))
  if (hasChildren) for (const detached of [false, true]) await child(file, detached)
  ctx.progress('ready')
  await pause(600_000, undefined, { signal: gone.signal }).catch(() => undefined)
  return 'cleaned up'

  function hear(osSignal: string): void {
    appendFileSync(file, `handler ${osSignal}\n`)
    if (does === 'returns') gone.abort()
    if (does !== 'exits') return
    setTimeout(() => {
      appendFileSync(file, 'handler is done\n')
      process.exit(0)
    }, 20)
  }
}

/** A shell that says what it hears, some time after it has heard it. */
async function child(file: string, detached: boolean): Promise<void> {
  const who = detached ? 'stray' : 'child'
  const traps = heard.map((osSignal) => {
    const name = osSignal.slice(3)
    return `trap 'sleep 0.1; echo "${who} ${osSignal}" >> "${file}"; exit 0' ${name}`
  })
  const script = [...traps, 'echo up', 'while :; do sleep 0.02; done'].join('\n')
  const shell = spawn('sh', ['-c', script], { detached, stdio: ['ignore', 'pipe', 'ignore'] })
  await once(shell.stdout, 'data')
}

export const listens = task({ name: 'listens', run: listen })
export const listensByItself = task({
  name: 'listens-by-itself',
  osSignal: 'SIGUSR2',
  killAfter: '1h',
  run: listen,
})

/** Ends only when it is asked to, and says when it is there. */
const waits = (isolation: Isolation) =>
  task({
    name: `waits-${isolation}`,
    isolation,
    async run(_: void, ctx) {
      ctx.progress('ready')
      await pause(600_000, undefined, { signal: ctx.abortSignal })
    },
  })

export const waiting = { thread: waits('thread'), inline: waits('inline') } as const
export const waitsInThread = waiting.thread
export const waitsInline = waiting.inline
