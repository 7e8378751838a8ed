import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createExecutor } from '../../src/executor/create.ts'
import { eventually } from '../support/bed.ts'
import { Watched, inTime, isRunning, orderFor } from '../executor/attempt.ts'

const victims: readonly (readonly [what: string, task: string, input?: unknown])[] = [
  ['spins in a loop', 'cpu-loop'],
  ['matches a catastrophic regular expression', 'regex'],
  ['waits on an atomic', 'atomics-wait'],
  ['waits for a subprocess without yielding', 'sleeper', 600],
  ['sits in a long native query', 'long-query', 1e12],
  ['swallows every error and SIGTERM and has replaced process.exit and process.kill', 'stubborn'],
]

for (const [what, task, input] of victims) {
  void test(`a process that ${what} is dead when kill says so`, async () => {
    await using executor = createExecutor('process', { capacity: 2, spares: 0 })
    const neighbour = new Watched(executor, orderFor('lingers', 600))
    const victim = new Watched(executor, orderFor(task, input))
    const { pid = 0 } = await victim.begun()
    assert.equal(await inTime(victim.attempt.kill(), 'the kill'), 'dead')
    assert.equal(isRunning(pid), false)
    const end = await victim.end()
    assert.ok(end.kind === 'exited' && end.wasKilled)
    assert.equal(end.proof?.pid, pid)
    assert.match(end.proof?.osSignal ?? '', /^SIG(TERM|KILL)$/)
    assert.equal((await neighbour.end()).kind, 'returned', 'the neighbour was not disturbed')
  })
}

const grandchildren: readonly (readonly [what: string, how: Record<string, boolean>])[] = [
  ['ignores SIGTERM', {}],
  ['ignores SIGTERM in a session of its own', { detached: true }],
  ['ignores SIGTERM and has an environment of its own', { bareEnv: true }],
  ['ignores SIGTERM in a session and an environment of its own', { detached: true, bareEnv: true }],
]

for (const [what, how] of grandchildren) {
  void test(`no grandchild that ${what} survives a kill`, async () => {
    await using executor = createExecutor('process', { capacity: 1, spares: 0 })
    const victim = new Watched(executor, orderFor('parent', how))
    const { pid = 0, child = 0 } = await victim.begun()
    assert.ok(isRunning(child))
    assert.equal(await inTime(victim.attempt.kill(), 'the kill'), 'dead')
    assert.deepEqual([isRunning(pid), isRunning(child)], [false, false])
  })
}

for (const [where, how] of [
  ['in its group', {}],
  ['out of its session', { detached: true }],
  ['with an environment of its own', { bareEnv: true }],
] as const) {
  void test(`what an isolate that exits by itself leaves behind ${where} is killed`, async () => {
    await using executor = createExecutor('process', { capacity: 1, spares: 0 })
    const victim = new Watched(executor, orderFor('orphaner', how))
    const { child = 0 } = await victim.begun()
    const end = await victim.end()
    assert.ok(end.kind === 'exited' && !end.wasKilled)
    assert.equal(end.proof?.exitCode, 3)
    assert.equal(isRunning(child), false)
  })
}

void test('a second kill shortens the time that the first has given, also to what has left the group', async () => {
  await using executor = createExecutor('process', { capacity: 1, spares: 0 })
  const victim = new Watched(executor, orderFor('parent', { detached: true }))
  const { pid = 0, child = 0 } = await victim.begun()
  const first = victim.attempt.kill({ osSignal: 'SIGTERM', killAfterMs: 3_600_000 })
  await eventually(() => !isRunning(pid), 'the leader, which does not listen, has ended')
  assert.ok(isRunning(child), 'it has an hour')
  const second = victim.attempt.kill({ osSignal: 'SIGKILL', killAfterMs: 0 })
  assert.deepEqual(await inTime(Promise.all([first, second]), 'the kills'), ['dead', 'dead'])
  assert.equal(isRunning(child), false)
  const { sent } = await victim.end()
  assert.deepEqual(
    sent?.map(({ osSignal }) => osSignal),
    ['SIGTERM', 'SIGKILL'],
  )
})

void test('a second kill never gives more time than the first', async () => {
  await using executor = createExecutor('process', { capacity: 1, spares: 0 })
  const victim = new Watched(executor, orderFor('stubborn'))
  await victim.begun()
  const first = victim.attempt.kill({ osSignal: 'SIGTERM', killAfterMs: 300 })
  const second = victim.attempt.kill({ osSignal: 'SIGTERM', killAfterMs: 3_600_000 })
  assert.deepEqual(await inTime(Promise.all([first, second]), 'the kills'), ['dead', 'dead'])
})

void test('a kill that gives a process time to end is no unresponsive one, however long that is', async () => {
  await using executor = createExecutor('process', { capacity: 1, spares: 0 })
  const victim = new Watched(executor, orderFor('stubborn'))
  await victim.begun()
  const kill = victim.attempt.kill({ osSignal: 'SIGTERM', killAfterMs: 5500 })
  assert.equal(await inTime(kill, 'the kill'), 'dead')
})

void test('an executor that is disposed does not wait for the time that a kill has given', async () => {
  const executor = createExecutor('process', { capacity: 1, spares: 0 })
  const victim = new Watched(executor, orderFor('parent', { spins: true }))
  const { child = 0 } = await victim.begun()
  const kill = victim.attempt.kill({ osSignal: 'SIGTERM', killAfterMs: 3_600_000 })
  await inTime(executor[Symbol.asyncDispose](), 'the disposal')
  assert.equal(await kill, 'dead')
  assert.equal(isRunning(child), false)
})

void test('killing one of many leaves the subprocesses of the others alone', async () => {
  await using executor = createExecutor('process', { capacity: 2, spares: 0 })
  const neighbour = new Watched(executor, orderFor('parent', { detached: true }))
  const victim = new Watched(executor, orderFor('parent', { detached: true }))
  const [its, other] = await Promise.all([victim.begun(), neighbour.begun()])
  assert.equal(await inTime(victim.attempt.kill(), 'the kill'), 'dead')
  assert.equal(isRunning(its['child'] ?? 0), false)
  assert.deepEqual([isRunning(other['pid'] ?? 0), isRunning(other['child'] ?? 0)], [true, true])
})

void test('an isolate that cannot start ends its attempt, and spares are not made in a tight loop', async () => {
  const before = process.env['NODE_OPTIONS']
  process.env['NODE_OPTIONS'] = '--import=data:text/javascript,process.exit(5)'
  try {
    await using executor = createExecutor('process', { capacity: 1 })
    await assert.rejects(executor.warmUp(), { code: 'ISOLATE_EXITED' })
    const end = await new Watched(executor, orderFor('nothing')).end()
    assert.ok(end.kind === 'exited' && !end.wasKilled)
    assert.equal(end.proof?.exitCode, 5)
  } finally {
    if (before === undefined) delete process.env['NODE_OPTIONS']
    else process.env['NODE_OPTIONS'] = before
  }
})
