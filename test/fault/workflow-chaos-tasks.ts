/** The tasks of random workflows as a worker runs them: their names are those of `graphs.ts`. */
import { appendFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { task } from '../../src/index.ts'
import { answers, resultOf } from '../model/graphs.ts'

const ledger = process.env['WORKFLOW_LEDGER'] ?? ''
const often = { attempts: 4, crashes: 10_000, backoff: { delay: 1, max: 5, jitter: 0 } } as const

/** Of which node it is, a handler does not know: what it comes to is that of its input alone. */
export const resultOfInput = (_: number, input: unknown): number => resultOf(0, input)

export const leaf = task({
  name: 'leaf',
  isolation: 'inline',
  retry: often,
  run: async (input: unknown, ctx) => {
    appendFileSync(ledger, `${ctx.run.id} ${ctx.run.attempt}\n`)
    const result = resultOfInput(0, input)
    for (let step = 0; step < result % 4; step++) {
      await pause(result % 53)
      await ctx.checkpoint(step)
    }
    if (result % 11 === 0) throw new Error('now and then one fails for good')
    if (result % 5 === 0 && ctx.state === undefined && ctx.run.attempt === 1)
      throw new Error('and some at first')
    return result
  },
})
export const clause = task({ name: 'clause', isolation: 'inline', retry: often, run: answers })
export const hook = task({ name: 'hook', isolation: 'inline', retry: often, run: () => null })
