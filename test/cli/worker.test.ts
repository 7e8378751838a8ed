/** A worker that the CLI runs, and what the other commands see of its runs. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { eventually } from '../support/bed.ts'
import { Place, type Started, tasksModule } from './cli.ts'

interface ShownJson {
  readonly run: {
    readonly state: string
    readonly attempt: number
    readonly failures: number
    readonly stop: StopJson | null
  }
  readonly timeline: readonly {
    readonly type: string
    readonly at: string
    readonly data: Record<string, unknown>
  }[]
  readonly log: readonly { readonly message: string; readonly at: string }[]
}

interface StopJson {
  readonly mode: string
  readonly confirmed: boolean
  readonly sent: readonly { readonly osSignal: string }[]
  readonly proof: { readonly pid: number; readonly osSignal: string | null } | null
}

async function interrupted(worker: Started, osSignal: NodeJS.Signals): Promise<void> {
  worker.signal(osSignal)
  await worker.says(/takes nothing new/)
}

void test('enqueue --wait answers with the result, or how it failed', async () => {
  await using place = await Place.make()
  await place.worker('--queue', 'default', '--concurrency', '2')
  const good = await place.run(['enqueue', 'add', '{"a":1,"b":2}', '--wait'])
  assert.deepEqual([good.code, good.stdout], [0, '3\n'])
  const bad = await place.run(['enqueue', 'broken', '--wait'])
  assert.equal(bad.code, 1)
  assert.match(bad.stderr, /error RUN_FAILED: .*it broke/)
  const rejected = await place.run(['enqueue', 'add', '"text"', '--wait', '--json'])
  assert.equal(rejected.code, 1)
  const { run } = JSON.parse(rejected.stdout) as { run: { state: string; error: { code: string } } }
  assert.deepEqual([run.state, run.error.code], ['failed', 'INPUT_REJECTED'])
  const late = await place.run(['enqueue', 'polite', '--wait', '--timeout', '100ms'])
  assert.equal(late.code, 75)
})

void test('terminate takes the OS signal and the time until SIGKILL, and says what was sent', async () => {
  await using place = await Place.make()
  await place.worker()
  const id = await place.begun('stubborn')
  for (const [option, value, hint] of [
    ['--signal', 'SIGSTOP', /hint: Use one of: SIGHUP, /],
    ['--signal', 'INT', /hint: Use one of: SIGHUP, /],
    ['--kill-after', '2h', /killAfter: 2.0 h is longer than an hour\n.*long `grace`/],
  ] as const) {
    const refused = await place.run(['terminate', id, option, value])
    assert.equal(refused.code, 64, refused.stderr)
    assert.match(refused.stderr, hint)
  }
  const args = ['terminate', id, '--signal', 'SIGWINCH', '--kill-after', '10ms']
  const { code, stdout } = await place.run(args)
  assert.equal(code, 0)
  assert.match(stdout, /forced after .+ by SIGWINCH, SIGKILL, pid \d+ ended by SIGKILL/)
  const { run, timeline } = await place.json<ShownJson>('show', id)
  assert.deepEqual(
    run.stop?.sent.map(({ osSignal }) => osSignal),
    ['SIGWINCH', 'SIGKILL'],
  )
  const asked = timeline.find(({ type }) => type === 'terminate')?.data
  assert.partialDeepStrictEqual(asked, { osSignal: 'SIGWINCH', killAfterMs: 10 })
  const shown = await place.run(['show', id])
  assert.match(shown.stdout, /terminate asked.* by SIGWINCH, SIGKILL after 10 ms: requested/)
})

void test('cancel waits for the proof, and the run shows it', async () => {
  await using place = await Place.make()
  const worker = await place.worker()
  const id = await place.begun('stubborn')
  const waiting = place.start(['watch', id])
  const { code, stdout } = await place.run(['cancel', id, '--grace', '50ms', '--reason', 'enough'])
  assert.equal(code, 0)
  assert.match(
    stdout,
    new RegExp(`${id} +stopped +cancel by .+: enough; forced after .+, pid \\d+ ended by SIG`),
  )
  assert.equal((await waiting.ended).code, 2, 'watch ends with the run')
  const { run, timeline, log } = await place.json<ShownJson>('show', id)
  assert.deepEqual([run.state, run.stop?.mode, run.stop?.confirmed], ['cancelled', 'forced', true])
  assert.ok((run.stop?.proof?.pid ?? 0) > 0)
  assert.deepEqual(
    timeline.map(({ type }) => type).filter((type) => type !== 'begin'),
    ['enqueue', 'claim', 'cancel', 'stop'],
  )
  assert.deepEqual(
    log.map(({ message }) => message),
    ['begun'],
  )
  assert.match(
    (await place.run(['show', id])).stdout,
    /cancelled +\S+\n[^]*Timeline[^]*forced after/,
  )
  await worker.says(/stubborn \S+#1 was stopped/)
})

void test('cancel tells apart what was stopped, what it did not wait for, and what had ended', async () => {
  await using place = await Place.make()
  await place.works()
  const polite = await place.begun('polite')
  const asked = await place.run(['cancel', polite, '--no-wait'])
  assert.deepEqual([asked.code, /requested/.test(asked.stdout)], [0, true])
  const { stdout } = await place.run(['enqueue', 'add', '{"a":1,"b":2}', '--wait', '--json'])
  const late = await place.run(['cancel', (JSON.parse(stdout) as { id: string }).id])
  assert.equal(late.code, 3)
  assert.match(late.stdout, /too-late +it had ended by itself: completed/)
  const stubborn = await place.begun('stubborn')
  const pending = await place.run(['cancel', stubborn, '--grace', '1h', '--timeout', '10ms'])
  assert.equal(pending.code, 75)
  const doctor = place.run(['doctor'])
  assert.equal((await place.run(['terminate', stubborn])).code, 0)
  await doctor
  assert.equal((await place.run(['abort', stubborn, 'nothing'])).code, 66)
})

void test('a worker that is told to stop hands its runs back, and exits with 0', async () => {
  await using place = await Place.make()
  const worker = await place.worker('--finish', '10ms', '--grace', '10s')
  const id = await place.begun('polite')
  await interrupted(worker, 'SIGTERM')
  const { code, stdout } = await worker.ended
  assert.equal(code, 0)
  assert.match(stdout, /worker \S+ stopped\n$/)
  const { run, timeline } = await place.json<ShownJson>('show', id)
  assert.deepEqual([run.state, run.failures], ['queued', 0])
  assert.equal(timeline.at(-1)?.type, 'release')
  assert.equal((await place.json<unknown[]>('workers')).length, 0)
})

void test('a second OS signal forces the end of what does not stop', async () => {
  await using place = await Place.make()
  const worker = await place.worker('--finish', '1h', '--grace', '1h')
  const id = await place.begun('stubborn')
  await interrupted(worker, 'SIGINT')
  worker.signal('SIGTERM')
  await worker.says(/forced/)
  assert.equal((await worker.ended).code, 0)
  const { run } = await place.json<ShownJson>('show', id)
  assert.deepEqual([run.state, run.failures], ['queued', 0])
})

void test('with --json a worker logs a line of JSON for each event', async () => {
  await using place = await Place.make()
  const worker = place.start(['worker', tasksModule, '--json'])
  await worker.says(/"type":"started"/)
  await place.run(['enqueue', 'broken', '--wait'])
  await worker.says(/"type":"attempt-ended"/)
  worker.signal('SIGTERM')
  const { stdout } = await worker.ended
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { at: string; type: string })
  assert.deepEqual(
    events.map(({ type }) => type),
    ['started', 'attempt-started', 'attempt-ended', 'draining', 'stopped'],
  )
  assert.ok(events.every(({ at }) => !Number.isNaN(Date.parse(at))))
})

void test('dev makes the store, runs what is enqueued, and shows what it logs', async () => {
  await using place = await Place.make()
  const dev = place.start(['dev', tasksModule])
  await dev.says(/worker \S+ started/)
  await place.does('enqueue', 'polite')
  await dev.says(/polite \S+#1 \| begun\\u001b\[31m/)
  const doctor = await place.run(['doctor'])
  assert.doesNotMatch(doctor.stdout, /^(?:warning|error)(?! +vacuum)/m)
  assert.match((await place.run(['workers'])).stdout, /good for .* polite/)
  await interrupted(dev, 'SIGINT')
  dev.signal('SIGINT')
  assert.equal((await dev.ended).code, 0)
})

void test('watch without an id follows all runs from now on, until it is interrupted', async () => {
  await using place = await Place.make()
  await place.works()
  await place.does('enqueue', 'add', '{"a":1,"b":2}', '--wait')
  const lines = place.start(['watch'])
  const json = place.start(['watch', '--json', '--after', '-1'])
  await json.says(/"type":"complete"/)
  const seen = lines.says(/ broken {2}the attempt failed: it broke; failed/)
  for (let isSeen = false; !isSeen;) {
    const id = await place.does('enqueue', 'broken')
    await json.says(new RegExp(`"runId":"${id}".*"type":"fail"`))
    isSeen = await Promise.race([seen.then(() => true), setImmediate(false)])
  }
  lines.signal('SIGINT')
  json.signal('SIGINT')
  assert.equal((await json.ended).code, 130)
  const entries = (await json.ended).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string })
  assert.deepEqual(
    entries.slice(0, 5).map(({ type }) => type),
    ['claim', 'log', 'complete', 'claim', 'fail'],
  )
  assert.equal((await lines.ended).code, 130)
  assert.doesNotMatch((await lines.ended).stdout, / add /)
})

void test('doctor names a task that no live worker knows', async () => {
  await using place = await Place.make()
  await place.worker('--queue', 'other')
  await place.does('enqueue', 'add')
  await place.does('enqueue', 'unheard-of')
  const { code, stdout } = await place.run(['doctor'])
  assert.equal(code, 1)
  assert.match(
    stdout,
    /error +tasks +runs of unheard-of are queued, and no live worker knows that task/,
  )
  assert.match(
    stdout,
    /error +tasks +runs of add are queued in default, and no live worker .* serves that queue/,
  )
})

void test('doctor says of a stop whose worker is lost who will record it', async () => {
  await using place = await Place.make()
  const worker = await place.worker('--lease', '3s')
  const id = await place.does('enqueue', 'polite')
  await worker.says(/polite \S+#1 started/)
  worker.signal('SIGKILL')
  place.start(['terminate', id])
  await eventually(
    async () => {
      const { stdout } = await place.run(['doctor'])
      return /error +stops +overdue: .*\n +hint: Their workers are lost\. /.test(stdout)
    },
    'the advice',
    100,
  )
})

void test('a reader that goes away ends a command in silence, and a worker cleanly', async () => {
  await using place = await Place.make()
  const worker = await place.worker('--finish', '10ms')
  await place.does('enqueue', 'add', '{"a":1,"b":2}', '--wait')
  const watching = place.start(['watch', '--after', '-1'])
  await watching.says(/completed/)
  watching.child.stdout?.destroy()
  worker.child.stdout?.destroy()
  await place.does('enqueue', 'broken')
  assert.deepEqual([(await worker.ended).code, (await watching.ended).code], [0, 0])
  assert.equal((await watching.ended).stderr, '')
})

void test('a worker whose module hangs while it loads heeds the first OS signal', async () => {
  await using place = await Place.make()
  for (const [name, hang] of [
    ['waits', 'await new Promise((resolve) => setTimeout(resolve, 1e9))'],
    ['blocks', 'for (;;);'],
  ] as const) {
    const module = place.path(`${name}.mjs`)
    writeFileSync(module, `process.stdout.write('loading'); ${hang}`)
    const worker = place.start(['worker', module])
    await worker.says(/loading/)
    worker.signal('SIGTERM')
    assert.notEqual((await worker.ended).code, 0)
  }
})

void test('a worker whose isolates do not get ready heeds the first OS signal', async () => {
  await using place = await Place.make()
  const module = place.path('stuck.mjs')
  const index = new URL('../../src/index.ts', import.meta.url).href
  writeFileSync(
    module,
    `import { task } from ${JSON.stringify(index)}
    import { writeFileSync } from 'node:fs'
    if (process.env.CHECKREIN_ISOLATE) { writeFileSync('stuck', ''); for (;;); }
    export const any = task({ name: 'any', run: () => undefined })`,
  )
  const worker = place.start(['worker', module])
  await eventually(() => existsSync(place.path('stuck')), 'the isolate')
  worker.signal('SIGTERM')
  assert.equal((await worker.ended).code, 0)
})
