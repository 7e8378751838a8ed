/** Handlers that behave, and victims that do not, for the executor suites. Each says when it has begun by a log line. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isMainThread } from 'node:worker_threads'
import { z } from 'zod'
import { CheckreinError, NonRetryableError } from '../../src/core/errors.ts'
import type { Context } from '../../src/core/task/context.ts'
import { task } from '../../src/core/task/task.ts'

export * from './each-tasks.ts'
export * from './rein-tasks.ts'

const begun = (ctx: Context) => ctx.log('begun', { pid: process.pid })

export const nothing = task({ name: 'nothing', run: () => undefined })
export const double = task({
  name: 'double',
  input: z.object({ n: z.number() }),
  run: ({ n }) => n * 2,
})
export const whoAmI = task({
  name: 'who-am-i',
  run: (_: void, ctx) => ({ pid: process.pid, run: ctx.run }),
})
export const countCalls = task({ name: 'count-calls', run: () => ++calls })
let calls = 0

export const replacesJson = task({
  name: 'replaces-json',
  run: () => {
    JSON.stringify = () => 'broken'
    JSON.parse = () => {
      throw new Error('broken')
    }
    Object.assign(Array.prototype, { toJSON: () => 'a list' })
    return 'replaced'
  },
})

export const thrower = task({
  name: 'thrower',
  run: () => {
    throw Object.assign(new Error('as expected'), { code: 'EXPECTED', details: { big: 1n } })
  },
})
export const hopeless = task({
  name: 'hopeless',
  run: () => {
    throw new NonRetryableError('no use')
  },
})
export const badDetails = task({
  name: 'bad-details',
  run: () => {
    throw new CheckreinError('STORE_BUSY', { details: { big: 1n } })
  },
})
export const large = task({ name: 'large', run: (length: number) => 'x'.repeat(length) })
export const notJson = task({ name: 'not-json', run: () => 1n })

export const reporter = task({
  name: 'reporter',
  run: (_: void, ctx) => {
    for (let n = 1; n <= 100_000; n++) ctx.progress(n)
    ctx.log('plain')
    ctx.log('with data', { n: 1 })
    ctx.log('x'.repeat(100_000), { cycle: 1n })
  },
})
export const logger = task({
  name: 'logger',
  run: (_: void, ctx) => {
    ctx.log(Object.create(null) as string)
    for (const data of [5, null, 'text', [1, 2]]) ctx.log('no object', data)
    ctx.log('an error', new TypeError('not found'))
    ctx.log('with an error', { file: 'a', error: new RangeError('too far') })
    ctx.log('large', new Error('\0'.repeat(100_000)))
  },
})
export const largeProgress = task({
  name: 'large-progress',
  run: (_: void, ctx) => ctx.progress('x'.repeat(100_000)),
})
export const lateReporter = task({
  name: 'late-reporter',
  run: (_: void, ctx) => {
    setTimeout(() => {
      ctx.progress('late')
      ctx.log('late')
    }, 5)
  },
})

/** Ends politely when it is asked to. */
export const polite = task({
  name: 'polite',
  // oxlint-disable-next-line typescript/unbound-method -- that it can be taken off is what is tested
  run: async (_: void, { abortSignal, log }) => {
    log('begun', { pid: process.pid })
    await new Promise((resolve) => abortSignal.addEventListener('abort', resolve, { once: true }))
    return {
      code: (abortSignal.reason as CheckreinError).code,
      details: (abortSignal.reason as CheckreinError).details,
    }
  },
})
export const rethrower = task({
  name: 'rethrower',
  run: async (_: void, ctx) => {
    begun(ctx)
    await new Promise((_resolve, reject) =>
      ctx.abortSignal.addEventListener('abort', () => reject(ctx.abortSignal.reason as Error)),
    )
  },
})
/** Never yields, but asks. */
export const watchfulLoop = task({
  name: 'watchful-loop',
  run: (_: void, ctx) => {
    begun(ctx)
    let isHeard = false
    ctx.abortSignal.addEventListener('abort', () => (isHeard = true))
    while (!ctx.abortSignal.aborted);
    return { isHeard, code: (ctx.abortSignal.reason as CheckreinError).code }
  },
})
export const watchfulThrow = task({
  name: 'watchful-throw',
  run: (_: void, ctx) => {
    begun(ctx)
    for (;;) ctx.abortSignal.throwIfAborted()
  },
})

export const exits = task({
  name: 'exits',
  run: (_: void, ctx) => {
    begun(ctx)
    process.exit(7)
  },
})
export const leavesExit = task({
  name: 'leaves-exit',
  run: () => {
    setImmediate(() => process.exit(9))
  },
})
export const uncaught = task({
  name: 'uncaught',
  run: async () => {
    setImmediate(() => {
      throw new Error('nobody caught this')
    })
    await new Promise(() => setInterval(() => {}, 1000).unref())
  },
})
export const unhandled = task({
  name: 'unhandled',
  run: async () => {
    void Promise.reject(new Error('nobody handled this'))
    await new Promise(() => setInterval(() => {}, 1000).unref())
  },
})
/** Has an error that nobody caught, and goes on whatever it is told. */
export const deafToItself = task({
  name: 'deaf-to-itself',
  run: async () => {
    void Promise.reject(new Error('nobody handled this'))
    for (;;) await new Promise((resolve) => setTimeout(resolve, 50).unref())
  },
})
/** Has a listener that throws when it is told to end; itself it never ends. */
export const badListener = task({
  name: 'bad-listener',
  run: async (_: void, ctx) => {
    ctx.abortSignal.addEventListener('abort', () => {
      throw new Error('the listener threw')
    })
    begun(ctx)
    await new Promise(() => {})
  },
})
/** Leaves a timer behind that throws once a file is there, which it removes. */
export const leavesError = task({
  name: 'leaves-error',
  run: (path: string) => {
    const timer = setInterval(() => {
      if (!existsSync(path)) return
      clearInterval(timer)
      rmSync(path)
      throw new Error('left behind')
    }, 2)
  },
})
/** Makes that file, and goes on until the error has come. */
export const meetsError = task({
  name: 'meets-error',
  run: async (path: string) => {
    writeFileSync(path, '')
    while (existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 2))
    await new Promise((resolve) => setTimeout(resolve, 20))
    return 'undisturbed'
  },
})
/** Says how it finds its process. */
export const findsTraces = task({
  name: 'finds-traces',
  run: () => {
    const { PATH, LEFT_BEHIND = null } = process.env
    const umask = isMainThread ? process.umask(0o22) : null
    if (umask !== null) process.umask(umask)
    const listeners = ['SIGTERM', 'exit', 'uncaughtException'].map((event) =>
      process.listenerCount(event),
    )
    return { pid: process.pid, PATH, LEFT_BEHIND, umask, listeners, folder: process.cwd() }
  },
})
/** Leaves all the traces that it can, and its own folder does not exist any more. */
export const leavesTraces = task({
  name: 'leaves-traces',
  run: (how: 'quietly' | 'thoroughly') => {
    process.env['LEFT_BEHIND'] = 'yes'
    process.env['PATH'] = '/nowhere'
    process.on('SIGTERM', () => {})
    process.once('exit', () => {})
    if (how === 'thoroughly') {
      process.removeAllListeners()
      process.env = { HOME: '/nowhere' }
    }
    if (!isMainThread) return
    process.umask(0o77)
    const folder = mkdtempSync(join(tmpdir(), 'checkrein-left-'))
    process.chdir(folder)
    rmSync(folder, { recursive: true })
  },
})
/** Writes on the pipe that is not its own: nonsense, half a line, and lies about another attempt. */
export const scribbler = task({
  name: 'scribbler',
  run: (fd: number) => {
    const lines = [
      'nonsense',
      '{}',
      '[]',
      'null',
      '["returned",99,"\\"lie\\""]',
      '["returned",1,7]',
      '["log",1,null]',
    ]
    writeSync(fd, `${lines.join('\n')}\n["threw",1,`)
    return 'true'
  },
})
/** Says something on the wire that is not true, once it has a signal, and goes on. */
export const liar = task({
  name: 'liar',
  signals: { go: z.any() },
  run: async ({ fd, lines }: { fd: number; lines: unknown[] }, ctx) => {
    begun(ctx)
    await ctx.receive('go')
    writeSync(fd, `\n${lines.map((line) => JSON.stringify(line)).join('\n')}\n`)
    if (lines.length > 1) return 'honest'
    await new Promise((resolve) => ctx.abortSignal.addEventListener('abort', resolve))
  },
})
export const flooder = task({
  name: 'flooder',
  run: (fd: number) => {
    for (;;) {
      try {
        writeSync(fd, 'x'.repeat(65_536))
      } catch {
        // The pipe is full for now.
      }
    }
  },
})

// Victims

export const cpuLoop = task({
  name: 'cpu-loop',
  run: (_: void, ctx) => {
    begun(ctx)
    for (;;);
  },
})
export const regex = task({
  name: 'regex',
  run: (_: void, ctx) => {
    begun(ctx)
    return /^(a+)+$/.test(`${'a'.repeat(60)}b`)
  },
})
export const atomicsWait = task({
  name: 'atomics-wait',
  run: (_: void, ctx) => {
    begun(ctx)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  },
})
export const sleeper = task({
  name: 'sleeper',
  run: (seconds: number, ctx) => {
    begun(ctx)
    execFileSync('sleep', [String(seconds)])
  },
})
/** Says that it has begun from within the query, so that whoever hears it knows that the thread is in native code. */
export const longQuery = task({
  name: 'long-query',
  run: (rows: number, ctx) => {
    const db = new DatabaseSync(':memory:')
    db.function('begun', () => {
      begun(ctx)
      return 1
    })
    return db
      .prepare(
        'WITH RECURSIVE c(n) AS (SELECT begun() UNION ALL SELECT n + 1 FROM c WHERE n < ?) SELECT count(*) FROM c',
      )
      .get(rows)
  },
})
/** Swallows every error and OS signal, and has taken the usual exits away. */
export const stubborn = task({
  name: 'stubborn',
  run: async (_: void, ctx) => {
    process.on('SIGTERM', () => {})
    process.on('uncaughtException', () => {})
    process.exit = (() => {}) as never
    process.kill = (() => true) as never
    globalThis.Date.now = () => 0
    globalThis.setTimeout = (() => 0) as never
    begun(ctx)
    for (;;) {
      try {
        await new Promise((resolve) => setImmediate(resolve))
        ctx.abortSignal.throwIfAborted()
      } catch {
        // Swallowed on purpose.
      }
    }
  },
})

const ignoreTerm =
  "process.on('SIGTERM', () => {}); console.log(process.pid); setInterval(() => {}, 1000)"

/** Starts a grandchild that ignores SIGTERM, in its group or in a session of its own, tells its pid, and spins. */
export const parent = task({
  name: 'parent',
  run: async (how: { detached?: boolean; bareEnv?: boolean; spins?: boolean }, ctx) => {
    const child = spawn(process.execPath, ['-e', ignoreTerm], {
      detached: how.detached === true,
      stdio: ['ignore', 'pipe', 'inherit'],
      ...(how.bareEnv === true ? { env: {} } : {}),
    })
    await new Promise((resolve) => child.stdout?.once('data', resolve))
    ctx.log('begun', { pid: process.pid, child: child.pid })
    if (how.spins !== false) for (;;);
  },
})
/** Starts such a grandchild and exits. */
export const orphaner = task({
  name: 'orphaner',
  run: async (how: { detached?: boolean; bareEnv?: boolean }, ctx) => {
    await parent.run({ ...how, spins: false } as never, ctx)
    process.exit(3)
  },
})
/** Holds on until a number of ms has passed, without blocking. */
export const lingers = task({
  name: 'lingers',
  run: async (ms: number, ctx) => {
    begun(ctx)
    await new Promise((resolve) => setTimeout(resolve, ms))
    return 'undisturbed'
  },
})
/** Holds on until a file is there. */
export const untilFile = task({
  name: 'until-file',
  run: async (path: string, ctx) => {
    begun(ctx)
    while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5))
    return 'undisturbed'
  },
})
export const blocks = task({
  name: 'blocks',
  isolation: 'inline',
  run: async (_: void, ctx) => {
    begun(ctx)
    // Time for its worker to say so: from here on it says nothing more.
    await new Promise((resolve) => setTimeout(resolve, 100))
    for (;;);
  },
})

const inArray = task({ name: 'in-array', run: () => 'found' })
// oxlint-disable-next-line import/no-default-export -- that tasks are found in one is what is tested
export default [inArray]
