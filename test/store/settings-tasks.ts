/** A task that says that it has begun, adds up what it is told, and ends when it is told to; and one that adds. */
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { task } from '../../src/index.ts'

export const told = task({
  name: 'told',
  isolation: 'inline',
  input: z.object({ order: z.object({ name: z.string(), no: z.number() }) }),
  signals: { add: z.number(), finish: z.undefined() },
  state: z.object({ sum: z.number() }),
  async run({ order }, ctx) {
    let sum = ctx.state?.sum ?? order.no
    let isFinished = false
    ctx.progress(0.5)
    ctx.on('add', (n) => (sum += n))
    ctx.on('finish', () => {
      isFinished = true
    })
    while (!isFinished) {
      await pause(1)
      await ctx.checkpoint({ sum })
    }
    return sum
  },
})

export const total = task({
  name: 'total',
  isolation: 'inline',
  run: (numbers: number[]) => numbers.reduce((sum, n) => sum + n, 0),
})

export const same = task({ name: 'same', isolation: 'inline', run: (n: number) => n })
