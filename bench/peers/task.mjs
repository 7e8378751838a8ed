import { task } from '../../dist/index.js'

export const noop = task({
  name: 'noop',
  isolation: 'inline',
  run: (input) => {
    globalThis.onNoopStart()
    return input.n
  },
})
