/** Text on its way in and out: what is given is kept as it is or refused, and what is shown does nothing to a terminal. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { failureOf } from '../../src/cli/session/failure.ts'
import { buildProgram } from '../../src/cli/program.ts'
import { main, Place } from './cli.ts'

/** The message of the usage error that a command line leads to. */
async function refused(...args: string[]): Promise<string> {
  const error = await buildProgram()
    .parseAsync(args, { from: 'user' })
    .then(() => null, failureOf)
  assert.equal(error?.code, 'USAGE', args.join(' '))
  assert.ok(error.hint)
  return error.message
}

void test('a file and standard input are UTF-8, with or without its mark, and nothing else is taken for it', async () => {
  await using place = await Place.make()
  const lines = Buffer.from('\uFEFF{"input":"ü"}\r\n{"input":2}\r\n')
  writeFileSync(place.path('marked.txt'), lines)
  assert.equal((await place.does('enqueue-many', 'add', 'marked.txt')).split('\n').length, 2)
  const typed = await place.runAlone(['enqueue-many', 'add', '-'], { stdin: lines.toString() })
  assert.equal(typed.code, 0, typed.stderr)
  const store = `sqlite:${place.path('none.db')}`
  for (const [name, bytes] of [
    ['utf16', Buffer.from('\uFEFF{"input":1}', 'utf16le')],
    ['latin1', Buffer.from('{"input":"ü"}', 'latin1')],
  ] as const) {
    writeFileSync(place.path(name), bytes)
    for (const command of [
      ['enqueue-many', 'add'],
      ['workflow', 'start'],
      ['workflow', 'import'],
    ])
      assert.match(
        await refused(...command, place.path(name), '--store', store),
        /is not text in UTF-8/,
      )
  }
})

void test('a number that JavaScript would change is refused, wherever JSON is given', async () => {
  await using place = await Place.make()
  const large = '12345678901234567890'
  writeFileSync(place.path('runs'), `{"input":{"id":${large}}}`)
  const store = ['--store', `sqlite:${place.path('none.db')}`]
  for (const args of [
    ['enqueue', 'add', `{"ids":[${large}]}`],
    ['enqueue', 'add', '1e400'],
    ['enqueue-many', 'add', place.path('runs')],
    ['signal', 'x', 'go', large],
    ['cancel', '--input', `user.id=${large}`, '--yes'],
  ])
    assert.match(await refused(...args, ...store), /a number that would become another one: 1[2e]/)
  const kept = { n: 0.1, e: 1e21, big: 9007199254740992, text: large }
  const id = await place.does('enqueue', 'add', JSON.stringify(kept))
  const { run } = await place.json<{ run: { input: unknown } }>('show', id)
  assert.deepEqual(run.input, kept)
})

void test('of an option that is given twice neither is forgotten: it is refused', async () => {
  await using place = await Place.make()
  const store = ['--store', `sqlite:${place.path('none.db')}`, '--yes']
  for (const [option, values] of [
    ['--tag', ['tenant:9', 'urgent']],
    ['--task', ['a', 'b']],
    ['--grace', ['1s', '2s']],
    ['--created-after', ['2026-01-01', '2026-01-02']],
    ['--input', ['id=1', 'id=2']],
  ] as const) {
    const twice = values.flatMap((value) => [option, value])
    assert.match(await refused('cancel', ...twice, ...store), /is given twice/)
  }
  await place.does('enqueue', 'add', '--tag', 'a', '--tag', 'b')
  assert.deepEqual(await place.json('counts', '--input', 'a=1', '--input', 'b=2'), {
    ...(await place.json<object>('counts')),
    queued: 0,
  })
})

void test('an error says the words of others without what a terminal would obey', async () => {
  await using place = await Place.make()
  const evil = '\u001b]0;owned\u0007'
  const { code, stderr } = await place.run(['list', `--${evil}`])
  assert.equal(code, 64)
  assert.ok(!stderr.includes('\u001b') && stderr.includes('\\u001b'), stderr)
  await place.worker()
  const failed = await place.run([
    'enqueue',
    'fails',
    JSON.stringify(`${evil}\nhint: pay`),
    '--wait',
  ])
  assert.equal(failed.code, 1)
  assert.match(failed.stderr, /owned\\u0007\\nhint: pay/)
  assert.ok(!failed.stderr.includes('\u001b'), failed.stderr)
})

const noFullDevice = process.platform === 'linux' ? false : 'needs /dev/full'

void test(
  'an output that cannot be written is said to be lost, and what was asked is done',
  { skip: noFullDevice },
  async () => {
    await using place = await Place.make()
    const full = openSync('/dev/full', 'w')
    const store = ['--store', `sqlite:${place.path('work.db')}`]
    const { status, stderr } = spawnSync(process.execPath, [main, 'enqueue', 'add', ...store], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    })
    closeSync(full)
    assert.equal(status, 74)
    assert.match(stderr, /^error: the output could not be written: .*ENOSPC/)
    assert.match(await place.does('counts', ...store), /queued +1/)
  },
)

void test('a working directory that was removed is said to be so', async () => {
  await using place = await Place.make()
  const folder = place.path('gone')
  mkdirSync(folder)
  const steps = ['-c', 'rmdir "$1" && exec "$2" "$3" list', 'sh', folder, process.execPath, main]
  const { status, stderr } = spawnSync('sh', steps, { cwd: folder, encoding: 'utf8' })
  assert.equal(status, 64, stderr)
  assert.match(stderr, /^error USAGE: The working directory does not exist/)
})
