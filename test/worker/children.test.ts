import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bed } from '../support/bed.ts'
import { childrenSuite } from './children-suite.ts'
import * as tasks from './children-tasks.ts'

childrenSuite('sqlite')

test('a worker with one slot runs a parent, its children and theirs', async () => {
  const modules = [new URL('./children-tasks.ts', import.meta.url)]
  await using bed = await Bed.make({ on: 'sqlite', worker: { modules, concurrency: 1 } })
  const run = await bed.client.enqueue(tasks.nests, 3)
  assert.equal(await run.result({ timeout: '60s' }), 15, 'a tree of two, four and eight')
})
