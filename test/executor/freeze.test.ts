import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createExecutor } from '../../src/executor/create.ts'
import { monotonicMs } from '../../src/executor/os/monotonic.ts'
import {
  Watched,
  cancelled,
  childrenOf,
  inTime,
  isRunning,
  isStopped,
  orderFor,
  returned,
  until,
} from './attempt.ts'

void test('a process that is frozen stands still with its children, and goes on when it is thawed', async () => {
  await using executor = createExecutor('process', { capacity: 1, spares: 0 })
  const watched = new Watched(executor, orderFor('parent', { detached: true, spins: true }))
  const pids = Object.values(await watched.begun())
  assert.equal(pids.length, 2)
  assert.equal(await watched.attempt.freeze(), true)
  assert.ok(pids.every(isStopped), pids.map(stateOf).join())
  assert.equal(await watched.attempt.freeze(), true, 'it is frozen already')
  watched.attempt.thaw()
  assert.ok(pids.every((pid) => isRunning(pid) && !isStopped(pid)))
  watched.attempt.thaw()
  assert.equal(await inTime(watched.attempt.kill(), 'the kill'), 'dead')
})

void test('an attempt goes on where it was frozen, and hears what it was sent meanwhile', async () => {
  await using executor = createExecutor('process', { capacity: 1, spares: 0 })
  const watched = new Watched(executor, orderFor('polite'))
  await watched.begun()
  for (let round = 0; round < 2; round++) {
    assert.equal(await watched.attempt.freeze(), true)
    watched.attempt.thaw()
  }
  assert.equal(await watched.attempt.freeze(), true)
  watched.attempt.abort(cancelled)
  watched.attempt.thaw()
  assert.match(returned(await watched.end()) ?? '', /ATTEMPT_CANCELLED/)
})

void test('a process that was frozen past its lease goes on where its worker has renewed it', async () => {
  const before = childrenOf()
  await using executor = createExecutor('process', { capacity: 1, spares: 0 })
  const watched = new Watched(executor, orderFor('polite'))
  const { pid } = await watched.begun()
  const begunAt = monotonicMs()
  assert.equal(await watched.attempt.freeze(), true)
  watched.attempt.thaw()
  // Long enough for this machine, as it is loaded now, to freeze the process within the lease.
  const goodUntil = monotonicMs() + 1000 + 4 * (monotonicMs() - begunAt)
  executor.renew(goodUntil)
  assert.equal(await watched.attempt.freeze(), true)
  executor.renew(goodUntil + 600_000)
  await until(() => monotonicMs() > goodUntil + 100, 'the end of the lease that it knows of')
  watched.attempt.thaw()
  watched.attempt.abort(cancelled)
  assert.match(returned(await watched.end()) ?? '', /ATTEMPT_CANCELLED/)
  await until(() => !isRunning(pid ?? 0), 'its end')
  await until(() => childrenOf().every((child) => before.includes(child)), 'the end of its guard')
})

void test('a frozen process is killed at once, and leaves no guard behind', async () => {
  const before = childrenOf()
  await using executor = createExecutor('process', { capacity: 1, spares: 0 })
  const watched = new Watched(executor, orderFor('parent', { detached: true, spins: true }))
  const pids = Object.values(await watched.begun())
  assert.equal(await watched.attempt.freeze(), true)
  assert.equal(await inTime(watched.attempt.kill(), 'the kill'), 'dead')
  const end = await watched.end()
  assert.ok(end.kind === 'exited' && end.wasKilled)
  assert.equal(end.proof?.osSignal, 'SIGKILL', 'who stands still does not hear SIGTERM')
  assert.ok(pids.every((pid) => !isRunning(pid)))
  await until(() => childrenOf().every((child) => before.includes(child)), 'the end of its guard')
})

void test('a kill or a thaw overtakes a freeze that is under way', async () => {
  await using executor = createExecutor('process', { capacity: 2, spares: 0 })
  const killed = new Watched(executor, orderFor('cpu-loop'))
  await killed.begun()
  const freezing = killed.attempt.freeze()
  assert.equal(await inTime(killed.attempt.kill(), 'the kill'), 'dead')
  assert.equal(await inTime(freezing, 'the freeze'), false)

  const thawed = new Watched(executor, orderFor('polite'))
  const { pid } = await thawed.begun()
  const overtaken = thawed.attempt.freeze()
  thawed.attempt.thaw()
  assert.equal(await inTime(overtaken, 'the freeze'), false)
  assert.equal(isStopped(pid ?? 0), false)
  thawed.attempt.abort(cancelled)
  returned(await thawed.end())
})

void test('a freeze of an attempt that ends meanwhile does not hit the next one', async () => {
  await using executor = createExecutor('process', { capacity: 1, spares: 0 })
  const first = new Watched(executor, orderFor('lingers', 1))
  await first.begun()
  const freezing = first.attempt.freeze()
  // Should the machine be so slow that it is frozen before its end: then there is nothing to see here.
  const isFirst = await Promise.race([freezing, first.attempt.ended.then(() => false)])
  if (isFirst) first.attempt.thaw()
  returned(await first.end())
  const second = new Watched(executor, orderFor('polite'))
  const { pid } = await second.begun()
  assert.equal(pid, first.logs[0]?.data?.['pid'], 'the isolate is used again')
  assert.equal(await inTime(freezing, 'the freeze'), isFirst)
  assert.equal(isStopped(pid ?? 0), false)
  second.attempt.abort(cancelled)
  returned(await second.end())
})

void test('neither a thread nor an inline attempt can be frozen', async () => {
  for (const isolation of ['thread', 'inline'] as const) {
    await using executor = createExecutor(isolation, { capacity: 1, spares: 0 })
    const watched = new Watched(executor, orderFor('polite'))
    await watched.begun()
    assert.equal(await watched.attempt.freeze(), false)
    watched.attempt.thaw()
    watched.attempt.abort(cancelled)
    returned(await watched.end())
  }
})

function stateOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
}
