import { task } from '../../src/index.ts'

/** Waits to be asked to stop. */
export const patient = task({
  name: 'patient',
  isolation: 'inline',
  run: (_: void, ctx) =>
    new Promise((resolve) => ctx.abortSignal.addEventListener('abort', resolve)),
})
