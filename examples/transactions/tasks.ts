import { task } from '../../src/index.ts'

export const sendReceipt = task({
  name: 'send-receipt',
  isolation: 'inline',
  run: ({ order, item }: { order: number; item: string }) => `receipt for order ${order}: ${item}`,
})
