import { task } from '../../../src/index.ts'

export const first = task({ name: 'same', run: () => 1 })
export const second = task({ name: 'same', run: () => 2 })
