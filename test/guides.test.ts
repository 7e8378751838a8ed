/** The guides and the README say what is true: their code compiles, runs, and prints what they say it prints. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const guides = globSync('docs/guides/*.md', { cwd: root })
const pages = new Map([
  ['readme', 'README.md'],
  ...guides.map((path) => [basename(path, '.md'), path] as const),
])

/** What the passages of the README that are no programs take for granted. */
const prelude = `
import { chain, chord, connect, previous, startWorker, step, task, type RunHandle, type StepFailure } from 'checkrein'
const reins = await connect('sqlite::memory:')
declare const run: RunHandle
const friday = new Date()
declare function shrinkImage(path: string, options: { signal: AbortSignal }): Promise<number>
declare function removeParts(path: string): Promise<void>
const fetchPage = task({ name: 'fetch-page', run: (url: string) => url })
const words = task({ name: 'words', run: (text: string) => text.length })
const sum = task({ name: 'sum', run: (counts: readonly number[]) => counts.length })
const publish = task({ name: 'publish', run: ({ to, count }: { to: string; count: number }) => to + count })
const tell = task({ name: 'tell', run: ({ task: name }: StepFailure) => name })
`

interface Page {
  /** Its blocks of TypeScript by the file that their first line names: those of one file, one after the other. */
  readonly files: ReadonlyMap<string, string>
  /** What its `main.ts` prints. */
  readonly output: string
}

function pageOf(name: string): Page {
  const text = readFileSync(join(root, pages.get(name) ?? ''), 'utf8')
  const files = new Map<string, string>()
  for (const [, block = ''] of text.matchAll(/^```ts\n(.*?)^```$/gms)) {
    const file = /^\/\/ ([a-z-]+\.ts)(: .*)?\n/.exec(block)?.[1] ?? passages(name, block)
    files.set(file, (files.get(file) ?? (file === 'passages.ts' ? prelude : '')) + block)
  }
  const output = [...text.matchAll(/^```text\n(.*?)^```$/gms)].map(([, block]) => block).join('')
  return { files, output }
}

/** Only the README shows passages: a guide is to be followed from end to end. */
function passages(name: string, block: string): string {
  assert.equal(name, 'readme', `no file named:\n${block}`)
  return 'passages.ts'
}

/** What a program printed, with what differs each time as the README shows it. */
function typical(output: string): string {
  return output.replace(/pid: \d+/, 'pid: 4711').replace('SIGKILL', 'SIGTERM')
}

/** Runs a program of the repository to its end. */
function run(args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', FORCE_COLOR: undefined }
    const options = { cwd, env, timeout: 120_000, encoding: 'utf8' } as const
    execFile(process.execPath, args, options, (error, stdout, stderr) =>
      error ? reject(new Error(`${error.message}\n${stdout}${stderr}`)) : resolve(stdout),
    )
  })
}

suite('the guides and the README', () => {
  let folder = ''
  // In the repository, so that packages are found; and `checkrein` is what stands in `src`, not what was built last.
  before(() => {
    folder = mkdtempSync(join(root, 'test/guides-'))
    for (const name of pages.keys()) {
      mkdirSync(join(folder, name))
      for (const [file, code] of pageOf(name).files) {
        const source = code.replaceAll("from 'checkrein'", "from '../../../src/index.ts'")
        writeFileSync(join(folder, name, file), source)
      }
    }
    const config = { extends: '../../tsconfig.json', include: ['.'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('are there, and each has a program', () => {
    assert.ok(pages.size >= 8, String([...pages.keys()]))
    for (const name of pages.keys()) assert.ok(pageOf(name).files.has('main.ts'), name)
  })

  test('have code that compiles', async () => {
    await run([join(root, 'node_modules/typescript/lib/tsc.js'), '-p', folder], root)
  })

  for (const name of pages.keys()) {
    test(`${name} prints what it says`, async () => {
      assert.equal(typical(await run(['main.ts'], join(folder, name))), pageOf(name).output)
    })
  }
})
