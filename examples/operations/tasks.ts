/** The tasks of an operation: they count the words of texts and publish the sum; if it is large, somebody has to agree first. */
import { z } from 'zod'
import {
  chain,
  chord,
  type PausedWorkflow,
  previous,
  type StepFailure,
  step,
  task,
} from '../../src/index.ts'
import { OperationsTable } from './table.ts'

const table = (): OperationsTable => new OperationsTable(process.env['TABLE'] ?? 'operations.db')

const inline = { isolation: 'inline' } as const

const clean = task({
  name: 'clean',
  ...inline,
  input: z.object({ text: z.string(), ms: z.number() }),
  run: async ({ text, ms }, ctx) => {
    await ctx.sleep(ms)
    return text.replaceAll(/[^\p{L}\s]/gu, ' ')
  },
})
const count = task({
  name: 'count',
  run: (text: string) => text.split(/\s+/).filter((word) => word !== '').length,
})
const total = task({
  name: 'total',
  ...inline,
  run: (counts: readonly number[]) => counts.reduce((sum, one) => sum + one, 0),
})
const publish = task({
  name: 'publish',
  run: ({ as, words }: { as: string; words: number }) => `${as}: ${words} words`,
  // Called when the operation is cancelled with `rollback`; `ctx.result` is the value that `run` returned.
  rollback: (_, ctx) => {
    using operations = table()
    if (ctx.run.workflow !== null)
      operations.note(ctx.run.workflow, `taken back: ${String(ctx.result)}`)
  },
})
const archive = task({
  name: 'archive',
  ...inline,
  run: async ({ line, ms }: { line: string; ms: number }, ctx) => {
    await ctx.sleep(ms)
    return { published: line }
  },
})

/** The task of `pauseWhen`: it is asked before each step, with the result of the step before and arguments of its own. */
const isLarge = task({
  name: 'is-large',
  ...inline,
  run: ({ limit, words }: { limit: number; words: unknown }) =>
    typeof words === 'number' && words > limit,
})
/** The task of `onPaused`: it is told that the operation has paused, and gets the rest of it. */
const notePause = task({
  name: 'note-pause',
  ...inline,
  run: ({ workflowId, result }: PausedWorkflow) => {
    using operations = table()
    operations.note(workflowId, `paused after ${JSON.stringify(result)}`)
  },
})
const noteFailure = task({
  name: 'note-failure',
  ...inline,
  run: ({ workflowId, state, error }: StepFailure) => {
    using operations = table()
    const { message = 'it was stopped' } = (error ?? {}) as { message?: string }
    operations.note(workflowId, `${state}: ${message}`)
  },
})

export { archive, clean, count, isLarge, noteFailure, notePause, publish, total }

/** The form of a request for an operation. */
export const wanted = z.object({
  texts: z.array(z.string()).min(1).max(1000),
  /** If there are more words than this, the operation pauses until somebody agrees. */
  limit: z.number().default(1000),
  /** How long each text takes, to have something to pause. */
  ms: z.number().int().min(0).max(600_000).default(0),
  /** How long the last step takes. */
  archiveMs: z.number().int().min(0).max(600_000).default(0),
})
export type Wanted = z.output<typeof wanted>

export function operationOf(id: string, { texts, limit, ms, archiveMs }: Wanted) {
  const counts = texts.map((text) => chain([step(clean, { text, ms }), count]))
  return chain(
    [
      chord(counts, total),
      step(publish, { as: id, words: previous }),
      step(archive, { line: previous, ms: archiveMs }),
    ],
    {
      pausePoints: { every: 1 },
      pauseWhen: step(isLarge, { limit, words: previous }),
      onPaused: notePause,
    },
  )
}
