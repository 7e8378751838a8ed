import assert from 'node:assert/strict'
import { mkdtempDisposableSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createExecutor } from '../../src/executor/create.ts'
import {
  Watched,
  cancelled,
  childrenOf,
  cpuTicks,
  inTime,
  isRunning,
  orderFor,
  until,
} from '../executor/attempt.ts'

/** For threads that must be seen dead: a stalled machine may take its time to end them. */
const patient = { capacity: 2, spares: 0, threadKillMs: 60_000 }

for (const [what, task] of [
  ['spins in a loop', 'cpu-loop'],
  ['matches a catastrophic regular expression', 'regex'],
  ['waits on an atomic', 'atomics-wait'],
  ['swallows every error', 'stubborn'],
] as const) {
  void test(`a thread that ${what} is dead when kill says so, and its host lives on`, async () => {
    await using executor = createExecutor('thread', patient)
    const neighbour = new Watched(executor, orderFor('lingers', 600))
    const { pid: host = 0 } = await neighbour.begun()
    const victim = new Watched(executor, orderFor(task))
    assert.equal((await victim.begun())['pid'], host)
    assert.equal(await inTime(victim.attempt.kill(), 'the kill'), 'dead')
    const end = await victim.end()
    assert.ok(end.kind === 'exited' && end.wasKilled)
    assert.equal(end.proof?.pid, host)
    assert.equal(typeof end.proof?.threadId, 'number')
    assert.equal((await neighbour.end()).kind, 'returned')
    assert.ok(isRunning(host))
  })
}

for (const [what, task, input] of [
  ['waits for a subprocess without yielding', 'sleeper', 600],
  ['sits in a long native query', 'long-query', 1e12],
] as const) {
  void test(`a thread that ${what} is unresponsive until its host is recycled, after its neighbours`, async () => {
    await using executor = createExecutor('thread', { capacity: 3, spares: 0 })
    await using processes = createExecutor('process', { capacity: 1, spares: 0 })
    using folder = mkdtempDisposableSync(join(tmpdir(), 'checkrein-'))
    const go = join(folder.path, 'go')
    const elsewhere = new Watched(processes, orderFor('until-file', go))
    const neighbour = new Watched(executor, orderFor('until-file', go))
    const { pid: host = 0 } = await neighbour.begun()
    const victim = new Watched(executor, orderFor(task, input))
    await victim.begun()
    // It has begun, but is it in the native call yet?
    const ticks = cpuTicks(host)
    if (task === 'sleeper') await until(() => childrenOf(host).length > 0, 'the subprocess')
    else await until(() => cpuTicks(host) > ticks + 20, 'the query')

    assert.equal(await inTime(victim.attempt.kill(), 'the kill'), 'unresponsive')
    assert.ok(isRunning(host), 'the host is still needed')
    const newcomer = new Watched(executor, orderFor('who-am-i'))
    const who = await newcomer.end()
    assert.ok(who.kind === 'returned')
    assert.notEqual((JSON.parse(who.result ?? '') as { pid: number }).pid, host)

    writeFileSync(go, '')
    assert.equal((await neighbour.end()).kind, 'returned', 'the neighbour ran to its end')
    const end = await victim.end()
    assert.ok(end.kind === 'exited' && end.wasKilled)
    assert.equal(end.proof?.pid, host)
    assert.equal(isRunning(host), false)
    assert.equal(await victim.attempt.kill(), 'dead')
    assert.equal((await elsewhere.end()).kind, 'returned', 'a process is not concerned')
  })
}

void test('a thread whose native call returns in time ends then, with its proof', async () => {
  await using executor = createExecutor('thread', { capacity: 2, spares: 0 })
  const neighbour = new Watched(executor, orderFor('polite'))
  const { pid: host = 0 } = await neighbour.begun()
  const victim = new Watched(executor, orderFor('sleeper', 3))
  await victim.begun()
  await until(() => childrenOf(host).length > 0, 'the subprocess')
  assert.equal(await inTime(victim.attempt.kill(), 'the kill'), 'unresponsive')
  const end = await victim.end()
  assert.ok(end.kind === 'exited' && end.wasKilled)
  assert.equal(end.proof?.osSignal, null)
  assert.ok(isRunning(host), 'its neighbour runs on')
})

void test('a host that dies ends all its attempts, and new ones get another host', async () => {
  await using executor = createExecutor('thread', { capacity: 3, spares: 0 })
  const attempts = ['polite', 'cpu-loop'].map((task) => new Watched(executor, orderFor(task)))
  const [first] = await Promise.all(attempts.map((one) => one.begun()))
  process.kill(first?.['pid'] ?? 0, 'SIGKILL')
  for (const one of attempts) {
    const end = await one.end()
    assert.ok(end.kind === 'exited' && !end.wasKilled)
    assert.equal(end.proof?.osSignal, 'SIGKILL')
    assert.equal(typeof end.proof?.threadId, 'number')
  }
  assert.equal((await new Watched(executor, orderFor('nothing')).end()).kind, 'returned')
})

void test('a host whose lanes are used up is replaced', async () => {
  await using executor = createExecutor('thread', patient)
  const neighbour = new Watched(executor, orderFor('polite'))
  const hosts = new Set(Object.values(await neighbour.begun()))
  for (let n = 0; n < 40; n++) {
    const victim = new Watched(executor, orderFor('cpu-loop'))
    hosts.add((await victim.begun())['pid'] ?? 0)
    assert.equal(await inTime(victim.attempt.kill(), 'the kill'), 'dead')
    await victim.end()
  }
  assert.equal(hosts.size, 2)
  neighbour.attempt.abort(cancelled)
  assert.equal((await neighbour.end()).kind, 'returned', 'it kept its host')
})
