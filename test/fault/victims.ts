/** Handlers that do not want to end, each stuck in another way. Progress says that one has begun, with the pids it started. */
import { execFileSync, spawn } from 'node:child_process'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { type Context, task } from '../../src/index.ts'

/** Stuck in JavaScript: any isolation that can kill can end them. */
export const inJavaScript = {
  'a CPU loop': () => {
    for (;;);
  },
  'a catastrophic regex': () => /^(a+)+$/.test(`${'a'.repeat(60)}!`),
  'Atomics.wait': () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  'a handler that swallows every error': async () => {
    process.on('SIGTERM', () => undefined)
    for (;;) {
      try {
        await pause(1)
        throw new Error('swallowed')
      } catch {}
    }
  },
} as const

/** Stuck in a native call: only the end of the process ends them. */
export const inNativeCode = {
  'execFileSync sleep': () => execFileSync('sleep', ['600']),
  'a long node:sqlite query': () =>
    new DatabaseSync(':memory:')
      .prepare(
        'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n',
      )
      .get(),
} as const

/** Has children of its own that ignore TERM, one of them in a session of its own. */
const withGrandchildren = {
  'a run with grandchildren that ignore TERM': async (ctx: Context) => {
    const stubborn = ['-c', 'trap "" TERM; while :; do sleep 1; done']
    const children = [spawn('sh', stubborn), spawn('sh', stubborn, { detached: true })]
    ctx.progress([process.pid, ...children.map(({ pid }) => pid)])
    await pause(600_000)
  },
} as const

const victims: Readonly<Record<string, (ctx: Context) => unknown>> = {
  ...inJavaScript,
  ...inNativeCode,
  ...withGrandchildren,
}
export const kinds = Object.keys(victims)

async function beStuck({ kind }: { kind: string }, ctx: Context): Promise<unknown> {
  ctx.progress([process.pid])
  await pause(1)
  return victims[kind]?.(ctx)
}

export const processVictim = task({ name: 'process-victim', run: beStuck })
export const threadVictim = task({ name: 'thread-victim', isolation: 'thread', run: beStuck })

/** Honest work, checked by its result: the sum of the first `n` squares, one at a time. */
export const neighbour = task({
  name: 'neighbour',
  run: async ({ n }: { n: number }) => sumOfSquares(n),
})
export const threadNeighbour = task({
  name: 'thread-neighbour',
  isolation: 'thread',
  run: async ({ n }: { n: number }) => sumOfSquares(n),
})

async function sumOfSquares(n: number): Promise<number> {
  let sum = 0
  for (let i = 1; i <= n; i++) {
    sum += i * i
    await pause(1)
  }
  return sum
}
