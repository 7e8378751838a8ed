import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readFileSync } from 'node:fs'
import { childrenOf, deadlineMs, isRunning, isStopped, until } from '../executor/attempt.ts'

/** The promise is that code of a worker that has died is gone within a second. It is made for a machine that is not overloaded. */
const promisedMs = 15_000

/** Long enough for a loaded machine to start a worker and an isolate within it. */
const leaseMs = 4000

const workers = new Set<ChildProcess>()
after(() => {
  for (const worker of workers) worker.kill('SIGKILL')
})

for (const isolation of ['process', 'thread'] as const) {
  void test(`a ${isolation} that spins dies when its worker is killed`, async () => {
    const { worker, pids } = await startWorker(isolation, 60_000, 'cpu-loop')
    worker.kill('SIGKILL')
    await until(() => pids.every((pid) => !isRunning(pid)), 'the end of the isolate', promisedMs)
  })

  // To wait in it blocks a thread as a loop does, and costs the other tests no processor.
  void test(`a ${isolation} that is stuck dies by itself when its worker is stopped past its lease`, async () => {
    const { worker, pids } = await startWorker(isolation, leaseMs, 'atomics-wait')
    worker.kill('SIGSTOP')
    assert.ok(pids.every(isRunning), 'while the lease is good it runs')
    await until(
      () => pids.filter((pid) => pid !== worker.pid).every((pid) => !isRunning(pid)),
      'its end',
      leaseMs + promisedMs,
    )
    worker.kill('SIGKILL')
  })
}

void test('grandchildren die with the isolate of a killed worker, also out of its session and environment', async () => {
  const how = { detached: true, bareEnv: true }
  const { worker, pids } = await startWorker('process', 60_000, 'parent', how)
  assert.equal(pids.length, 3)
  worker.kill('SIGKILL')
  await until(() => pids.every((pid) => !isRunning(pid)), 'the end of all', promisedMs)
})

void test('a frozen process dies with its children when its worker is killed, though none of them can run', async () => {
  const how = { detached: true, bareEnv: true }
  const { worker, pids } = await startWorker('process', 60_000, 'parent', how, 'frozen')
  const others = pids.filter((pid) => pid !== worker.pid)
  assert.equal(others.length, 2)
  assert.ok(others.every(isStopped))
  const guards = childrenOf(worker.pid).filter((pid) => !others.includes(pid) && isGuard(pid))
  assert.equal(guards.length, 1)
  worker.kill('SIGKILL')
  await until(() => pids.every((pid) => !isRunning(pid)), 'the end of all', promisedMs)
  await until(() => guards.every((pid) => !isRunning(pid)), 'the end of the guard')
})

void test('a frozen process is killed when its worker is stopped past its lease', async () => {
  const { worker, pids } = await startWorker('process', leaseMs, 'cpu-loop', null, 'frozen')
  worker.kill('SIGSTOP')
  const others = pids.filter((pid) => pid !== worker.pid)
  assert.ok(others.every(isStopped), 'while the lease is good it stands still')
  await until(() => others.every((pid) => !isRunning(pid)), 'its end', leaseMs + promisedMs)
  worker.kill('SIGKILL')
})

void test('an isolate lives on past its first lease while its worker renews it', async () => {
  const { worker, pids } = await startWorker('process', leaseMs, 'atomics-wait')
  const from = performance.now()
  await until(
    () => performance.now() - from > 1.5 * leaseMs || !pids.every(isRunning),
    'more than a lease',
  )
  assert.ok(pids.every(isRunning))
  worker.kill('SIGKILL')
})

void test('a worker whose loop an inline handler blocks past the lease kills itself', async () => {
  const { worker } = await startWorker('inline', leaseMs, 'blocks')
  const [, osSignal] = (await once(worker, 'exit', {
    signal: AbortSignal.timeout(deadlineMs),
  })) as [unknown, string]
  assert.equal(osSignal, 'SIGKILL')
})

void test('a worker with an inline handler that yields lives on while it renews its lease', async () => {
  const { worker, pids } = await startWorker('inline', leaseMs, 'lingers', 60_000)
  const from = performance.now()
  await until(
    () => performance.now() - from > 1.5 * leaseMs || !pids.every(isRunning),
    'more than a lease',
  )
  assert.ok(pids.every(isRunning))
  worker.kill('SIGKILL')
})

function isGuard(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('freeze-guard')
}

interface Started {
  readonly worker: ChildProcess
  /** The worker, the isolate, and the isolate's own child. */
  readonly pids: readonly number[]
}

async function startWorker(
  isolation: string,
  ms: number,
  ...call: readonly unknown[]
): Promise<Started> {
  const [task, ...input] = call
  const script = fileURLToPath(new URL('../executor/worker.ts', import.meta.url))
  const args = [
    script,
    isolation,
    String(ms),
    String(task),
    ...input.map((value) => (value === 'frozen' ? value : JSON.stringify(value))),
  ]
  const worker = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  workers.add(worker)
  const [line] = (await once(worker.stdout, 'data', {
    signal: AbortSignal.timeout(deadlineMs),
  })) as [Buffer]
  const pids = Object.values(JSON.parse(String(line)) as Record<string, number>)
  return { worker, pids: [...new Set(pids)] }
}
