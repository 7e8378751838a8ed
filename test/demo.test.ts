import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, suite, test } from 'node:test'
import { DemoError } from '../demo/errors.ts'
import { demoOptions } from '../demo/options.ts'
import { eventually } from './support/bed.ts'
import { childrenOf, isDead, livingFamily } from './support/processes.ts'
import { Program } from './support/program.ts'

const folder = mkdtempSync(join(tmpdir(), 'checkrein-demo-folder-'))
mkdirSync(join(folder, 'deep/er'), { recursive: true })
mkdirSync(join(folder, 'hollow'))
writeFileSync(join(folder, 'empty'), '')
writeFileSync(join(folder, 'text'), 'again and '.repeat(100_000))
writeFileSync(join(folder, 'deep/er/zeros'), Buffer.alloc(300_000))
symlinkSync(folder, join(folder, 'deep/loop'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** On a machine that does much else: what is promised for a quiet one is the demo's own to show. */
const demo = (...args: string[]): Program => new Program('demo/main.ts', args, { DEMO_SLACK: '20' })
const promisesOf = (stdout: string): string[] =>
  stdout.split('\n').filter((line) => /\] +(ok|BROKEN) /.test(line))
const storeOf = (stdout: string): string => /store +(\S+)/.exec(stdout)?.[1] ?? assert.fail(stdout)

/** The living processes whose command line names a text. */
function processesWith(text: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => !isDead(pid) && commandOf(pid).includes(text))
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

suite('the demo', () => {
  test('keeps every promise on a real folder, and leaves nothing behind', async () => {
    await using program = demo(folder)
    const { exitCode, stdout, stderr } = await program.ended()
    assert.equal(exitCode, 0, stdout + stderr)
    assert.equal(stderr, '')
    const promises = promisesOf(stdout)
    assert.equal(promises.length, 18, stdout)
    assert.deepEqual(
      promises.filter((line) => !/\] +ok /.test(line)),
      [],
    )
    assert.match(stdout, /: 3 files, 1\.2 MiB\n/)
    assert.match(stdout, /All 18 promises kept/)
    assert.equal(existsSync(dirname(storeOf(stdout))), false)
  })

  test('fails where a promise is broken: here, that this very process is gone, and that the run obeys and goes on where it was', async () => {
    const faults = ['--fault', 'deaf', '--fault', 'forgetful']
    await using program = demo(folder, '--suspect', String(process.pid), ...faults)
    const { exitCode, stdout } = await program.ended()
    assert.equal(exitCode, 1, stdout)
    const broken = promisesOf(stdout).filter((line) => line.includes('BROKEN'))
    const expected = [
      new RegExp(`process ${process.pid} .* is gone`),
      / throttle: the handler took/,
      / resume: went on where it was/,
    ]
    for (const pattern of expected)
      assert.ok(
        broken.some((line) => pattern.test(line)),
        stdout,
      )
    assert.match(stdout, new RegExp(`${broken.length} of 19 promises BROKEN`))
  })

  test('cleans up when it is interrupted between two workers', async () => {
    await using program = demo(folder)
    await program.printed(/kill -9 \d+: the worker is gone/)
    program.process.kill('SIGINT')
    const { exitCode, stdout, stderr } = await program.ended()
    assert.equal(exitCode, 130, stderr)
    assert.match(stderr, /Interrupted by SIGINT/)
    const store = storeOf(stdout)
    assert.deepEqual(processesWith(store), [])
    assert.equal(existsSync(dirname(store)), false)
  })

  test('cleans up all that it started when it is interrupted', async () => {
    await using program = demo(folder)
    const workerPid = Number((await program.printed(/worker +pid (\d+)/))[1])
    await eventually(
      () => childrenOf(workerPid).some((pid) => livingFamily(pid).length > 1),
      'a run with subprocesses',
    )
    const isolates = childrenOf(workerPid)
    program.process.kill('SIGINT')
    const { exitCode, stdout, stderr } = await program.ended()
    assert.equal(exitCode, 130, stderr)
    assert.match(stderr, /Interrupted by SIGINT/)
    assert.equal(isDead(workerPid), true)
    assert.deepEqual(isolates.flatMap(livingFamily), [])
    assert.equal(existsSync(dirname(storeOf(stdout))), false)
  })

  test('leaves nothing behind either when it is killed', async () => {
    await using program = demo(folder)
    const workerPid = Number((await program.printed(/worker +pid (\d+)/))[1])
    await eventually(
      () => childrenOf(workerPid).some((pid) => livingFamily(pid).length > 1),
      'a run with subprocesses',
    )
    const isolates = childrenOf(workerPid)
    program.process.kill('SIGKILL')
    const { stdout } = await program.ended()
    await eventually(
      () => isDead(workerPid) && isolates.flatMap(livingFamily).length === 0,
      'the end of all',
    )
    rmSync(dirname(storeOf(stdout)), { recursive: true, force: true })
  })

  const mistakes: readonly [
    what: string,
    args: readonly string[],
    exitCode: number,
    says: RegExp,
  ][] = [
    ['a folder that is not there', [join(folder, 'none')], 66, /There is no such folder: .*none/],
    ['a file where a folder is due', [join(folder, 'text')], 66, /Not a folder: .*text/],
    ['an option that is not known', ['--nonsense'], 64, /--nonsense/],
    ['a limit that is no number', ['--limit', 'much'], 64, /--limit must be a whole number/],
    ['a fault that it does not have', ['--fault', 'lazy'], 64, /one of deaf, forgetful/],
    ['two folders', [folder, folder], 64, /one folder at most/],
  ]
  for (const [what, args, exitCode, says] of mistakes) {
    test(`says what is wrong with ${what}`, () => {
      const error = mistakeIn(args)
      assert.equal(error.exitCode, exitCode)
      assert.match(error.message, says)
    })
  }

  test('ends a mistake with its exit code, and without a stack trace', async () => {
    await using program = demo(join(folder, 'hollow'))
    const { exitCode, stderr } = await program.ended()
    assert.equal(exitCode, 66)
    assert.match(stderr, /No file to work on/)
    assert.doesNotMatch(stderr, /^ +at /m)
  })
})

/** The mistake in what the demo is told, in this process: to start one for each takes far longer. */
function mistakeIn(args: readonly string[]): DemoError {
  try {
    demoOptions(args)
  } catch (error) {
    if (error instanceof DemoError) return error
    throw error
  }
  return assert.fail('it is no mistake')
}
