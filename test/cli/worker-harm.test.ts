/** A worker of the command line among code, readers and deploys that would harm it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { eventually, storeKinds } from '../support/bed.ts'
import { main, Place, type Started, tasksModule } from './cli.ts'

void test('an error that belongs to no run is said, and the worker goes on', async () => {
  await using place = await Place.make()
  const file = place.path('now')
  const config = `import { existsSync, rmSync } from 'node:fs'
    setInterval(() => {
      if (!existsSync(${JSON.stringify(file)})) return
      rmSync(${JSON.stringify(file)})
      throw new Error('whose is this?')
    }, 5).unref()
    export default {}`
  writeFileSync(place.path('checkrein.config.mjs'), config)
  const worker = await place.worker()
  writeFileSync(file, '')
  await eventually(() => !existsSync(file), 'the error', 20)
  await worker.says(/an error that nobody caught: whose is this\?/)
  assert.equal(await place.does('enqueue', 'add', '{"a":1,"b":2}', '--wait'), '3')
  worker.signal('SIGTERM')
  assert.equal((await worker.ended).code, 0)
})

void test('a worker that may start no processes says why, and which limit to raise', async () => {
  await using place = await Place.make()
  const node = [process.execPath, '--disable-warning=SecurityWarning']
  const worker = [main, 'worker', tasksModule, '--store', `sqlite:${place.path('work.db')}`]
  const permission = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*']
  const started = {
    'open files \\(`ulimit -n`': [
      'sh',
      '-c',
      'ulimit -n 40 && exec "$@"',
      'sh',
      ...node,
      ...worker,
    ],
    '--allow-child-process': [...node, ...permission, '--allow-worker', ...worker],
  }
  for (const [hint, [program = '', ...args]] of Object.entries(started)) {
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
    assert.equal(status, 70, stderr)
    assert.match(stderr, /error ISOLATE_EXITED: No \w+ isolate could be made: /)
    assert.match(stderr, new RegExp(hint))
  }
})

interface ShownJson {
  readonly run: {
    readonly state: string
    readonly attempt: number
    readonly crashes: number
    readonly failures: number
    readonly stop: { readonly confirmed: boolean } | null
  }
}

const isolations = ['inline', 'thread', 'process'] as const

/** A worker that runs a handler in each isolation, all of which are about to print. */
async function aboutToPrint(
  place: Place,
  printing: { readonly lineCount: number; readonly waits: boolean },
): Promise<{ worker: Started; runs: readonly string[]; print: () => void }> {
  const file = place.path('print')
  const worker = await place.worker('--finish', '60s', '--concurrency', '1')
  const input = JSON.stringify({ file, ...printing })
  const runs: string[] = []
  for (const isolation of isolations) runs.push(await place.begun(`print-${isolation}`, input))
  return { worker, runs, print: () => writeFileSync(file, '') }
}

async function ends(place: Place, id: string): Promise<string> {
  const { run } = await place.json<{ run: { state: string; attempt: number } }>('show', id)
  return `${run.state} ${run.attempt}`
}

/** Waits for the end of the run of each isolation: it completed at its first attempt. */
async function allComplete(place: Place, runs: readonly string[]): Promise<void> {
  for (const [at, id] of runs.entries()) {
    await eventually(
      async () => /^(completed|failed)/.test(await ends(place, id)),
      `its end ${isolations[at]}`,
      50,
    )
    assert.equal(await ends(place, id), 'completed 1', isolations[at])
  }
}

void test('a reader of the output of a worker who goes away costs no run that prints', async () => {
  await using place = await Place.make()
  const { worker, runs, print } = await aboutToPrint(place, { lineCount: 20, waits: true })
  worker.child.stdout?.destroy()
  worker.child.stderr?.destroy()
  print()
  await allComplete(place, runs)
  assert.equal((await worker.ended).code, 0)
})

void test('a reader of the output of a worker who does not read costs no run, and does not keep the worker', async () => {
  await using place = await Place.make()
  const { worker, runs, print } = await aboutToPrint(place, { lineCount: 200, waits: false })
  worker.child.stdout?.pause()
  print()
  await allComplete(place, runs)
  const exited = once(worker.child, 'exit')
  worker.signal('SIGTERM')
  assert.equal((await exited)[0], 0)
  worker.child.stdout?.resume()
})

for (const kind of storeKinds)
  void test(`a deploy hands back the inline runs that do not heed it, and counts no crash, on ${kind}`, async () => {
    await using place = await Place.make(kind)
    const worker = await place.worker('--finish', '10ms', '--grace', '10ms')
    const runs = [await place.begun('deaf', '{}'), await place.begun('deaf', '{}')]
    const stopped = await place.begun('deaf', '{}')
    const asked = await place.run(['cancel', stopped, '--grace', '1h', '--no-wait'])
    assert.equal(asked.code, 0, asked.stderr)
    worker.signal('SIGTERM')
    assert.equal((await worker.ended).code, 0)
    for (const id of runs) {
      const { run } = await place.json<ShownJson>('show', id)
      assert.deepEqual([run.state, run.attempt, run.crashes, run.failures], ['queued', 1, 0, 0])
    }
    const { run } = await place.json<ShownJson>('show', stopped)
    assert.notEqual(run.state, 'queued')
    assert.notEqual(run.stop?.confirmed, true)
    assert.deepEqual(await place.json('workers'), [])
  })
