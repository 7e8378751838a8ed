import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importModule } from '../../src/executor/os/import-module.ts'

test('twenty modules that are imported at the same time share one listener, which is gone afterwards', async () => {
  const before = process.listenerCount('beforeExit')
  const modules = Array.from(
    { length: 20 },
    (_, at) => `data:text/javascript,export const at = ${at}`,
  )
  const imports = modules.map(importModule)
  assert.equal(process.listenerCount('beforeExit'), before + 1)
  const loaded = await Promise.all(imports)
  assert.deepEqual(
    loaded.map(({ at }) => at),
    [...modules.keys()],
  )
  assert.equal(process.listenerCount('beforeExit'), before)
})
