import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dropSchema, freshSchema, testDatabase } from './support/database.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const bin = join(root, 'node_modules', '.bin')
const { DATABASE_URL: _, ...inherited } = process.env
const env = {
  ...inherited,
  PATH: [dirname(process.execPath), bin, process.env['PATH']].join(delimiter),
}
const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

interface Packed {
  readonly filename: string
  readonly size: number
  readonly files: readonly { readonly path: string }[]
}

const tasks = `
import { task } from 'checkrein'
export const inline = task({ name: 'inline', isolation: 'inline', run: (n: number) => n + 1 })
export const thread = task({ name: 'thread', isolation: 'thread', run: (n: number) => n + 2 })
export const isolated = task({ name: 'isolated', run: (n: number) => n + 3 })
export const spin = task({ name: 'spin', run: async (_: void, ctx) => {
  ctx.progress('spinning')
  await new Promise(setImmediate)
  for (;;);
} })
`
const main = `
import { connect, startWorker } from 'checkrein'
import { inline, isolated, spin, thread } from './tasks.ts'
await using reins = await connect('sqlite:work.db')
await using worker = await startWorker(reins, { modules: ['./tasks.ts'] })
const runs = await Promise.all([reins.enqueue(inline, 1), reins.enqueue(thread, 1), reins.enqueue(isolated, 1)])
const sums: number[] = await Promise.all(runs.map((run) => run.result()))
const spinning = await reins.enqueue(spin)
for await (const event of spinning.events()) if (event.type === 'progress') break
const stop = await spinning.cancel({ grace: 100 })
console.log(JSON.stringify({ sums, mode: stop.mode, confirmed: stop.confirmed, held: worker.heldCount }))
`
const onPostgres = `
import { connect, startWorker } from 'checkrein'
import { isolated } from './tasks.ts'
const [, , url = '', schema = ''] = process.argv
await using reins = await connect(url, { schema })
await using _worker = await startWorker(reins, { modules: ['./tasks.ts'] })
const run = await reins.enqueue(isolated, 1)
console.log(await run.result())
`
const configuration = `
import { defineConfig } from 'checkrein'
export default defineConfig({ store: 'sqlite:work.db', modules: ['./tasks.ts'], worker: { concurrency: 2 } })
`
const tsconfig = {
  compilerOptions: {
    strict: true,
    noEmit: true,
    module: 'nodenext',
    target: 'esnext',
    lib: ['esnext'],
    skipLibCheck: false,
    ...{
      allowImportingTsExtensions: true,
      types: ['node'],
      typeRoots: [join(root, 'node_modules', '@types')],
    },
  },
}

suite('the package, packed and installed into an empty folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'checkrein-package-'))
  let packed: Packed

  before(() => {
    const [info] = JSON.parse(
      run('npm', ['pack', '--json', '--silent', '--pack-destination', folder], root),
    ) as Packed[]
    assert.ok(info)
    packed = info
    writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }')
    run(
      'npm',
      ['install', '--silent', '--prefer-offline', '--no-audit', '--no-fund', `./${info.filename}`],
      folder,
    )
    writeFileSync(join(folder, 'tasks.ts'), tasks)
    writeFileSync(join(folder, 'main.ts'), main)
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('compiles under strict TypeScript, declarations included', () => {
    run('tsc', ['-p', '.'], folder)
  })

  test('runs tasks in every isolation from TypeScript, and stops one that spins', () => {
    const answer = JSON.parse(run(process.execPath, ['main.ts'], folder)) as unknown
    assert.deepEqual(answer, { sums: [2, 3, 4], mode: 'forced', confirmed: true, held: 0 })
  })

  test('has a command line that works there', () => {
    const checkrein = (...args: string[]): string =>
      run(join(folder, 'node_modules', '.bin', 'checkrein'), args, folder)
    assert.match(checkrein('--version'), /^\d+\.\d+\.\d+/)
    const { id } = JSON.parse(
      checkrein('enqueue', 'isolated', '1', '--json', '--store', 'sqlite:work.db'),
    ) as { id: string }
    const shown = JSON.parse(checkrein('show', id, '--json', '--store', 'sqlite:work.db')) as {
      state?: string
      run?: { state: string }
    }
    assert.equal(shown.state ?? shown.run?.state, 'queued')
    const config = join(folder, 'checkrein.config.ts')
    writeFileSync(config, configuration)
    assert.match(checkrein('list'), new RegExp(id), 'the store that the configuration names')
    rmSync(config)
  })

  test('says what is missing where pg is not installed, and works on PostgreSQL where it is', async () => {
    const url = await testDatabase()
    const schema = freshSchema()
    writeFileSync(join(folder, 'on-postgres.ts'), onPostgres)
    const args = ['on-postgres.ts', url, schema]
    const { stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
    assert.match(stderr, /STORE_UNAVAILABLE/)
    assert.match(stderr, /npm install pg/)
    const { version } = JSON.parse(
      readFileSync(join(root, 'node_modules', 'pg', 'package.json'), 'utf8'),
    ) as { version: string }
    const install = ['install', '--silent', '--prefer-offline', '--no-audit', '--no-fund']
    run('npm', [...install, `pg@${version}`], folder)
    assert.equal(run(process.execPath, args, folder), '4\n')
    const checkrein = join(folder, 'node_modules', '.bin', 'checkrein')
    const store = ['--store', url, '--schema', schema]
    assert.match(run(checkrein, ['migrate', ...store], folder), /^up to date: schema version \d+$/m)
    const doctor = spawnSync(checkrein, ['doctor', ...store], {
      cwd: folder,
      env,
      encoding: 'utf8',
    })
    assert.match(doctor.stdout, /^ok +schema/m)
    await dropSchema(url, schema)
  })

  test('holds what it needs and nothing else', () => {
    const paths = packed.files.map(({ path }) => path)
    for (const store of ['sqlite', 'postgres'])
      assert.ok(paths.includes(`dist/store/${store}/migrations/0001_initial.sql`), store)
    assert.ok(paths.includes('LICENSE'))
    const strange = paths.filter(
      (path) =>
        !/^(dist|docs)\/|^(package\.json|README\.md|ARCHITECTURE\.md|CHANGELOG\.md|LICENSE)$/.test(
          path,
        ),
    )
    assert.deepEqual(strange, [])
    assert.ok(packed.size < 500_000, `${packed.size} bytes`)
  })
})
