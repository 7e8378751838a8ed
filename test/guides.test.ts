/** The guides say what is true: their code compiles, runs, and prints what they say it prints. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const guides = join(root, 'docs/guides')
const names = globSync('*.md', { cwd: guides }).map((file) => file.replace('.md', ''))

interface Guide {
  readonly text: string
  /** Its blocks of TypeScript by the file that their first line names: those of one file, one after the other. */
  readonly files: ReadonlyMap<string, string>
  /** What its `main.ts` prints. */
  readonly output: string
}

function guideOf(name: string): Guide {
  const text = readFileSync(join(guides, `${name}.md`), 'utf8')
  const files = new Map<string, string>()
  for (const [, block = ''] of text.matchAll(/^```ts\n(.*?)^```$/gms)) {
    const [, file] = /^\/\/ ([a-z-]+\.ts)\n/.exec(block) ?? assert.fail(`no file named:\n${block}`)
    files.set(file ?? '', (files.get(file ?? '') ?? '') + block)
  }
  const output = [...text.matchAll(/^```text\n(.*?)^```$/gms)].map(([, block]) => block).join('')
  return { text, files, output }
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

suite('the guides', () => {
  let folder = ''
  // In the repository, so that packages are found; and `checkrein` is what stands in `src`, not what was built last.
  before(() => {
    folder = mkdtempSync(join(root, 'test/guides-'))
    for (const name of names) {
      mkdirSync(join(folder, name))
      for (const [file, code] of guideOf(name).files) {
        const source = code.replaceAll("from 'checkrein'", "from '../../../src/index.ts'")
        writeFileSync(join(folder, name, file), source)
      }
    }
    const config = { extends: '../../tsconfig.json', include: ['.'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('are there, and each has a program', () => {
    assert.ok(names.length >= 5, String(names))
    for (const name of names) assert.ok(guideOf(name).files.has('main.ts'), name)
  })

  test('have code that compiles', async () => {
    await run([join(root, 'node_modules/typescript/lib/tsc.js'), '-p', folder], root)
  })

  for (const name of names) {
    test(`${name} prints what it says`, async () => {
      const { output } = guideOf(name)
      assert.equal(await run(['main.ts'], join(folder, name)), output)
    })

    test(`${name} has links that lead somewhere`, () => {
      const links = [...guideOf(name).text.matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)]
      for (const [, to = ''] of links) readFileSync(join(guides, to))
    })
  }
})
