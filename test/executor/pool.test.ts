import assert from 'node:assert/strict'
import { mkdtempDisposableSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { createExecutor } from '../../src/executor/create.ts'
import { childrenOf, inTime, orderFor, returned, tasksModule, until, Watched } from './attempt.ts'

void test('isolates that are not needed any more are closed, down to the spares', async () => {
  const before = childrenOf().length
  await using executor = createExecutor('process', { capacity: 4, spares: 1, idleMs: 100 })
  using folder = mkdtempDisposableSync(join(tmpdir(), 'checkrein-'))
  const go = join(folder.path, 'go')
  const crowd = [1, 2, 3, 4].map(() => new Watched(executor, orderFor('until-file', go)))
  await Promise.all(crowd.map((one) => one.begun()))
  assert.ok(childrenOf().length - before >= 4)
  writeFileSync(go, '')
  await Promise.all(crowd.map((one) => one.end()))
  await until(() => childrenOf().length - before === 1, 'one spare')
})

void test('a spare is made when an attempt takes the last one, and warmUp waits until it is ready', async () => {
  const before = childrenOf().length
  await using executor = createExecutor('process', { capacity: 2, spares: 1 })
  await executor.warmUp()
  assert.equal(childrenOf().length - before, 1)
  const victim = new Watched(executor, orderFor('cpu-loop'))
  await victim.begun()
  await executor.warmUp()
  assert.equal(childrenOf().length - before, 2)
  await victim.attempt.kill()
  assert.equal(childrenOf().length - before, 1)
})

void test('a warm isolate that could not load a module runs nothing of it, also when the module is mended', async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'checkrein-'))
  const file = join(folder.path, 'late.mjs')
  const settings = { capacity: 1, spares: 1, modules: [pathToFileURL(file).href] }
  await using executor = createExecutor('process', settings)
  await executor.warmUp()
  writeFileSync(file, `export * from ${JSON.stringify(tasksModule)}`)
  const [module = ''] = settings.modules
  const watched = new Watched(executor, orderFor('double', { n: 2 }, { module }))
  assert.equal(returned(await watched.end()), '4')
  assert.equal(watched.begins, 1)
})

void test('an isolate that cannot be spawned at all ends its attempt without proof', async () => {
  const before = process.execPath
  process.execPath = '/nowhere/node'
  try {
    await using executor = createExecutor('process', { capacity: 1, spares: 0 })
    const end = await inTime(new Watched(executor, orderFor('nothing')).attempt.ended, 'the end')
    const saved = { checkpoint: null, signals: [] }
    const none = { deliveredAt: null, proof: null }
    assert.deepEqual(end, { kind: 'exited', wasKilled: false, saved, ...none })
  } finally {
    process.execPath = before
  }
})
