/** What a user's mistakes lead to: a code, a hint, an exit code, and no stack. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { failureOf } from '../../src/cli/session/failure.ts'
import { buildProgram } from '../../src/cli/program.ts'
import type { CheckreinError } from '../../src/core/errors.ts'
import { Place, tasksModule } from './cli.ts'

interface Mistake {
  readonly args: readonly string[]
  readonly exit: number
  readonly says: RegExp
  /** Whether the process is looked at that it ends. */
  readonly isAlone?: boolean
}

async function check(place: Place, { args, exit, says, isAlone }: Mistake): Promise<void> {
  const { code, stdout, stderr } = await (isAlone ? place.runAlone(args) : place.run(args))
  assert.equal(code, exit, `${args.join(' ')}: ${stderr}`)
  assert.equal(stdout, '')
  assert.match(stderr, says)
  assert.match(stderr, /^error [A-Z_]+: /)
  assert.doesNotMatch(stderr, /\n {4}at /)
}

void test('what cannot be understood is refused with exit code 64, and a hint', async () => {
  await using place = await Place.make()
  const store = `sqlite:${place.path('made.db')}`
  await place.does('enqueue', 'add', '--store', store)
  const mistakes: [string[], RegExp, RegExp?][] = [
    [['lst'], /unknown command 'lst'/, /list/],
    [['list', '--stat', 'queued'], /unknown option '--stat'/, /--state/],
    [['list', '--state', 'busy'], /--state: "busy" is not valid/, /queued/],
    [['list', '--limit', 'many'], /--limit: "many" is not valid/],
    [['list', '--limit', '0'], /limit/],
    [
      ['list', '--created-after', 'yesterdayish'],
      /--created-after: "yesterdayish" is not valid/,
      /2026/,
    ],
    [['enqueue', 'add', '--run-at', '2027-02-31'], /--run-at: "2027-02-31" is not valid/, /2026/],
    [['enqueue', 'add', '--run-at', '2027-04-31T10:00:00Z'], /--run-at: .* is not valid/, /2026/],
    [['enqueue', 'add', '--deadline', 'Feb 31 2027'], /--deadline: .* is not valid/, /2026/],
    [['enqueue', 'add', '--run-at', String(Number.MAX_SAFE_INTEGER)], /--run-at: .* is not valid/],
    [['pause', '--queue', 'q', '--until', '2027-02-29'], /--until: .* is not valid/, /2026/],
    [['list', '--input', 'novalue'], /--input: "novalue" is not valid/],
    [['list', '--input', "a';--=1"], /is not a path/],
    [['list', '--cursor', 'x'], /cursor/],
    [['enqueue'], /missing required argument 'task'/],
    [['enqueue', 'add', '{a:1}'], /The input is not JSON/, /Quote it/],
    [['enqueue', 'add', '--delay', 'soon'], /delay: "soon" is not a duration/, /250ms/],
    [['enqueue', 'no such name'], /task "no such name" is not valid/],
    [
      ['enqueue', 'add', '--on-conflict', 'fight'],
      /--on-conflict: "fight" is not valid/,
      /replace/,
    ],
    [['cancel'], /No runs are named/],
    [['cancel', 'x', '--tag', 't'], /not both/],
    [['cancel', 'x', '--grace', '5'.repeat(20)], /grace/],
    [['cancel', 'x'.repeat(300)], /is not an id/],
    [['tombstones', '--lift-key', 'k'], /go together/],
    [['worker'], /missing required argument 'modules'/],
  ]
  for (const [args, message, hint] of mistakes) {
    const error = await failureIn([...args, '--store', store])
    assert.equal(error?.code, 'USAGE', args.join(' '))
    assert.match(error.message, message)
    if (hint) assert.match(error.hint ?? '', hint)
  }
})

/** What a command line leads to, in this process: much faster than another. */
async function failureIn(args: readonly string[]): Promise<CheckreinError | null> {
  try {
    await buildProgram().parseAsync(args, { from: 'user' })
    return null
  } catch (error) {
    return failureOf(error)
  }
}

void test('a mistake is a line for the error, one for the hint, and an exit code', async () => {
  await using place = await Place.make()
  await place.does('enqueue', 'add')
  await Promise.all([
    check(place, {
      args: ['lst'],
      exit: 64,
      says: /^error USAGE: unknown command 'lst'\nhint: .*list.*\n$/,
      isAlone: true,
    }),
    check(place, {
      args: ['worker', tasksModule, '--lease', '1ms'],
      exit: 64,
      says: /lease must be/,
      isAlone: true,
    }),
    check(place, {
      args: ['worker', tasksModule, '--concurrency', '0'],
      exit: 64,
      says: /concurrency/,
    }),
    check(place, { args: ['list', '--store', 'mysql://x'], exit: 64, says: /STORE_URL/ }),
    check(place, { args: ['list', '--schema', 'a'], exit: 64, says: /--schema is for PostgreSQL/ }),
    check(place, {
      args: ['list', '--store', 'postgres://127.0.0.1:1/none'],
      exit: 69,
      says: /STORE_UNAVAILABLE: .*127\.0\.0\.1:1.*\nhint: /,
    }),
  ])
})

void test('a run that does not exist is exit code 66', async () => {
  await using place = await Place.make()
  await place.does('enqueue', 'add')
  for (const command of ['show', 'watch']) {
    await check(place, {
      args: [command, 'nothing'],
      exit: 66,
      says: /RUN_NOT_FOUND: There is no run "nothing"\nhint: /,
    })
  }
})

void test('a module that cannot be loaded, or has no tasks, keeps the worker from starting', async () => {
  await using place = await Place.make()
  writeFileSync(place.path('throws.ts'), 'throw new Error("not today")')
  writeFileSync(place.path('empty.ts'), 'export const answer = 42')
  writeFileSync(place.path('wrong.ts'), 'const a: = 1')
  const modules = [
    ['throws.ts', 78, /TASK_MODULE_FAILED: .*not today\nhint: /],
    ['wrong.ts', 78, /TASK_MODULE_FAILED: /],
    ['missing.ts', 78, /TASK_MODULE_FAILED: .*missing\.ts/],
    ['empty.ts', 66, /TASK_UNKNOWN: .*exports no tasks\nhint: /],
  ] as const
  for (const [name, exit, says] of modules)
    await check(place, { args: ['worker', name], exit, says })
  await check(place, { args: ['dev', 'throws.ts'], exit: 78, says: /not today/ })
})

void test('a module whose top-level await never settles is named, and does not end the process with exit code 13', async () => {
  await using place = await Place.make()
  const endless = 'await new Promise(() => {})\nexport default {}'
  writeFileSync(place.path('endless.ts'), endless)
  const says = /TASK_MODULE_FAILED: .*endless\.ts.*its top-level await never settles\nhint: /
  await check(place, { args: ['worker', 'endless.ts'], exit: 78, says, isAlone: true })
  writeFileSync(place.path('checkrein.config.ts'), endless)
  await check(place, {
    args: ['list'],
    exit: 78,
    says: /CONFIG_INVALID: .*its top-level await never settles\nhint: /,
    isAlone: true,
  })
})

void test('a module that ends the process while it is loaded is named, whatever code it gives', async () => {
  await using place = await Place.make()
  for (const code of [0, 3]) {
    writeFileSync(place.path('leaves.ts'), `process.exit(${code})`)
    const says = /TASK_MODULE_FAILED: .*leaves\.ts ended the process while it was loaded\nhint: /
    await check(place, { args: ['worker', 'leaves.ts'], exit: 78, says, isAlone: true })
  }
})

void test('a file that is no database is refused and left as it is', async () => {
  await using place = await Place.make()
  const garbage = 'this is no database at all, '.repeat(400)
  writeFileSync(place.path('garbage.db'), garbage)
  const commands = [['list'], ['enqueue', 'add'], ['worker', tasksModule], ['doctor']]
  const args = commands.map((command) => [...command, '--store', 'sqlite:garbage.db'])
  for (const one of args)
    await check(place, { args: one, exit: 70, says: /STORE_CORRUPT: .*garbage\.db.*\nhint: / })
  assert.equal(readFileSync(place.path('garbage.db'), 'utf8'), garbage)
  await check(place, {
    args: ['enqueue', 'add', '--store', 'sqlite:no/such/folder/x.db'],
    exit: 69,
    says: /STORE_UNAVAILABLE/,
  })
})

void test('with --json a mistake is JSON on standard error', async () => {
  await using place = await Place.make()
  const { code, stdout, stderr } = await place.runAlone(['list', '--nope', '--json'])
  assert.deepEqual([code, stdout], [64, ''])
  const { error } = JSON.parse(stderr) as { error: { code: string; message: string; hint: string } }
  assert.equal(error.code, 'USAGE')
  assert.match(error.message, /--nope/)
})

void test('CHECKREIN_DEBUG shows where an error was raised', async () => {
  await using place = await Place.make()
  const { stderr } = await place.run(['list'], { CHECKREIN_DEBUG: '1' })
  assert.match(stderr, /\n {4}at /)
})

void test('help and version are answers, not errors', async () => {
  await using place = await Place.make()
  const help = await place.run(['cancel', '--help'])
  assert.deepEqual([help.code, help.stderr], [0, ''])
  assert.match(help.stdout, /--grace[^]*Example:\n {2}checkrein cancel/)
  assert.match((await place.runAlone(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
  assert.equal((await place.run([])).code, 64)
})

void test('nothing of a run can write to the terminal by itself', async () => {
  await using place = await Place.make()
  await place.does(
    'enqueue',
    'add',
    JSON.stringify('\u001b[2J\u0007'),
    '--key',
    '\u001b]0;title\u0007',
    '--id',
    'a\nb\u001b[1m',
  )
  for (const args of [['list'], ['show', 'a\nb\u001b[1m']]) {
    const { code, stdout } = await place.run(args)
    assert.equal(code, 0)
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f]/)
  }
})

void test('colours come only where they are wanted', async () => {
  await using place = await Place.make()
  await place.does('enqueue', 'add')
  assert.match((await place.run(['counts'], { FORCE_COLOR: '1' })).stdout, /queued/)
  const bare = await place.run(['doctor'])
  assert.ok(!bare.stdout.includes('\u001b'))
})
