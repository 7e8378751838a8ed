/** A task in the process of its worker, which tells why it was aborted. */
import { once } from 'node:events'
import { task } from '../../src/index.ts'

export const reason = Promise.withResolvers<string>()

export const aborted = task({
  name: 'aborted',
  isolation: 'inline',
  async run(_: void, ctx) {
    ctx.progress(0)
    if (!ctx.abortSignal.aborted) await once(ctx.abortSignal, 'abort')
    reason.resolve(String((ctx.abortSignal.reason as { code?: unknown }).code))
    ctx.abortSignal.throwIfAborted()
  },
})
