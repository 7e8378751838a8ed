import { setTimeout as pause } from 'node:timers/promises'
import { task } from '../../src/index.ts'

export const greet = task({
  name: 'greet',
  run: ({ name }: { name: string }) => `Hello, ${name}!`,
})

/** Spins for ever, and never looks at its abort signal. */
export const spin = task({
  name: 'spin',
  run: (_: void, ctx) => {
    ctx.progress('spinning')
    for (;;);
  },
})

/** Passes its abort signal on, as `fetch` and most of Node take it. */
export const nap = task({
  name: 'nap',
  run: async ({ ms }: { ms: number }, ctx) => pause(ms, 'rested', { signal: ctx.abortSignal }),
})
