/** What one attempt leaves to the next in its isolate, and when there is no next. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createExecutor } from '../../src/executor/create.ts'
import type { Executor } from '../../src/executor/executor.ts'
import { orderFor, returned, run, Watched } from './attempt.ts'

const alone = async (executor: Executor): Promise<string | null> =>
  returned(
    await new Watched(executor, orderFor('count-calls', undefined, { reuseIsolate: false })).end(),
  )

for (const isolation of ['process', 'thread'] as const) {
  void test(`a ${isolation} finds folder, environment, umask and listeners as those before it found them`, async () => {
    await using executor = createExecutor(isolation, { capacity: 1, spares: 0 })
    const before = returned(await run(executor, 'finds-traces'))
    for (const how of ['quietly', 'thoroughly']) {
      assert.equal(returned(await run(executor, 'leaves-traces', how)), null)
      assert.equal(returned(await run(executor, 'finds-traces')), before, how)
    }
    assert.equal(returned(await run(executor, 'count-calls')), '1')
    assert.equal(returned(await run(executor, 'count-calls')), '2')
  })

  void test(`a task that wants a ${isolation} of its own gets one that nobody had, and nobody gets it afterwards`, async () => {
    await using executor = createExecutor(isolation, { capacity: 1, spares: 0 })
    assert.equal(await alone(executor), '1')
    assert.equal(returned(await run(executor, 'count-calls')), '1')
    assert.equal(await alone(executor), '1')
    assert.equal(await alone(executor), '1')
  })

  void test(`a ${isolation} says how an attempt ended that has replaced JSON, and executes the next`, async () => {
    await using executor = createExecutor(isolation, { capacity: 1, spares: 0 })
    assert.equal(returned(await run(executor, 'replaces-json')), '"replaced"')
    const next = await new Watched(executor, orderFor('count-calls')).end()
    assert.equal(next.kind, 'returned')
  })

  void test(`a ${isolation} runs no more attempts than it may`, async () => {
    await using executor = createExecutor(isolation, {
      capacity: 1,
      spares: 0,
      attemptsPerIsolate: 2,
    })
    const counts: (string | null)[] = []
    for (let n = 0; n < 5; n++) counts.push(returned(await run(executor, 'count-calls')))
    assert.deepEqual(counts, ['1', '2', '1', '2', '1'])
  })
}

void test('where an inline handler takes the process of the worker is no concern of other isolates', async () => {
  const before = process.cwd()
  await using executor = createExecutor('process', { capacity: 1, spares: 0 })
  const elsewhere = mkdtempSync(join(tmpdir(), 'checkrein-left-'))
  process.chdir(elsewhere)
  process.env['LEFT_BEHIND'] = 'yes'
  rmSync(elsewhere, { recursive: true })
  try {
    const found = JSON.parse(returned(await run(executor, 'finds-traces')) ?? '') as object
    assert.partialDeepStrictEqual(found, { folder: before, LEFT_BEHIND: null })
  } finally {
    process.chdir(before)
    delete process.env['LEFT_BEHIND']
  }
})
