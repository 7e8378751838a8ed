/** The house as the style guide draws it: imports go down only, and each power is in one room. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { stateChecks } from '../src/store/driver/state-sql.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const readSource = (file: string): string => readFileSync(`${root}/${file}`, 'utf8')

interface Source {
  readonly file: string
  /** The folder under `src`; the file's own name for the doors. */
  readonly room: string
  readonly text: string
  /** What it imports: paths from the root, or the names of packages. */
  readonly imports: readonly string[]
}

const importPattern =
  /^(?:import|export)\s+(?:type\s+)?(?:(?:\*(?:\s+as\s+\w+)?|\{[^}]*\}|\w+)\s+from\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm

function sourceOf(file: string): Source {
  const text = readSource(file)
  const found = [...text.matchAll(importPattern)].map(([, fixed, called]) => fixed ?? called ?? '')
  const imports = found.map((name) =>
    name.startsWith('.') ? posix.join(posix.dirname(file), name) : name,
  )
  return { file, room: file.split('/')[1] ?? '', text, imports }
}

const sources = globSync('src/**/*.ts', { cwd: root }).map((file) => sourceOf(file))

/** The rooms that each room may import from, besides itself. A file stands for itself alone. */
const below: Readonly<Record<string, readonly string[]>> = {
  core: [],
  store: ['core'],
  executor: ['core'],
  client: [
    'core',
    'src/store/store.ts',
    'src/store/place.ts',
    'src/store/open.ts',
    'src/executor/os/long-timeout.ts',
  ],
  keeper: ['core', 'client', 'src/store/store.ts'],
  worker: ['core', 'client', 'keeper', 'executor', 'src/store/store.ts'],
  cli: ['core', 'client', 'keeper', 'worker', 'executor', 'src/store/store.ts'],
  'index.ts': ['core', 'client', 'keeper', 'worker', 'src/store/store.ts'],
}

/** What only some may touch. */
const powers: readonly {
  readonly what: string
  readonly pattern: RegExp
  readonly only: RegExp
}[] = [
  { what: 'node:sqlite', pattern: /'node:sqlite'/, only: /^src\/store\/sqlite\/connection\.ts$/ },
  {
    what: 'threads and child processes',
    pattern: /'node:(worker_threads|child_process|cluster)'/,
    only: /^src\/executor\//,
  },
  { what: 'process.exit', pattern: /\bprocess\.exit\(/, only: /^src\/cli\// },
  { what: 'process.argv', pattern: /\bprocess\.argv\b/, only: /^src\/cli\// },
  { what: 'the console', pattern: /\bconsole\.\w/, only: /^src\/cli\// },
  {
    what: 'a state in SQL',
    pattern: /\bstate\s*(?:=|<>|!=|\bIN\b)\s*\(?'/i,
    only: /^src\/(core|store)\//,
  },
]

suite('the architecture', () => {
  test('was looked at: there are files in every room, and imports in them', () => {
    assert.ok(sources.length > 60, `${sources.length} files`)
    assert.deepEqual(
      [...new Set(sources.map(({ room }) => room))].sort(),
      Object.keys(below).sort(),
    )
    const imports = sources.flatMap(({ imports }) => imports)
    assert.ok(imports.length > 250, `${imports.length} imports`)
    for (const [room, lower] of Object.entries(below)) {
      const own = sources.filter((source) => source.room === room)
      const isUsed = (name: string): boolean =>
        own.some((one) => one.imports.some((file) => isIn(file, name)))
      assert.ok(lower.length === 0 || lower.some(isUsed), `${room} imports what is below it`)
    }
  })

  test('lets imports go down only', () => {
    for (const { file, room, imports } of sources) {
      const allowed = [room, ...(below[room] ?? [])]
      for (const name of imports.filter((name) => name.startsWith('src/'))) {
        assert.ok(
          allowed.some((place) => isIn(name, place)),
          `${file} imports ${name}`,
        )
      }
    }
  })

  test('keeps core pure: no Node, no clock, no chance', () => {
    for (const { file, text, imports } of sources.filter(({ room }) => room === 'core')) {
      const outside = imports.filter(
        (name) => !name.startsWith('src/') && name !== '@standard-schema/spec',
      )
      assert.deepEqual(outside, [], file)
      assert.doesNotMatch(
        text,
        /\bDate\.now\b|\bnew Date\(\)|Math\.random|\bprocess\.|performance\.now/,
        file,
      )
    }
  })

  for (const { what, pattern, only } of powers) {
    test(`keeps ${what} in its room`, () => {
      for (const { file, text } of sources.filter(({ file }) => !only.test(file))) {
        assert.doesNotMatch(text, pattern, file)
      }
    })
  }

  test('keeps node:sqlite in use in one file', () => {
    const users = sources.filter(({ imports }) => imports.includes('node:sqlite'))
    assert.deepEqual(
      users.map(({ file }) => file),
      ['src/store/sqlite/connection.ts'],
    )
  })

  test('keeps pg in use in one file', () => {
    const users = sources.filter(({ text }) => /import(?:\(| .*from )'pg'/.test(text))
    assert.deepEqual(
      users.map(({ file }) => file),
      ['src/store/postgres/connection/pg.ts'],
    )
  })

  test('keeps files short', () => {
    for (const { file, text } of sources) {
      const lines = text.trimEnd().split('\n').length
      assert.ok(
        lines <= (file.endsWith('/statements.ts') ? 400 : 300),
        `${file} has ${lines} lines`,
      )
    }
  })

  test('has no default exports, and no rooms for odds and ends', () => {
    for (const { file, text } of sources) {
      assert.doesNotMatch(text, /^export default /m, file)
      assert.doesNotMatch(file, /\b(utils?|helpers?|common|misc)\b/)
    }
  })
})

function isIn(file: string, place: string): boolean {
  return file === place || file.startsWith(`src/${place}/`) || file === `src/${place}`
}

suite('the first migration of a store', () => {
  const migrations = globSync('src/store/*/migrations/0001_*.sql', { cwd: root })

  test('was found', () => {
    assert.ok(migrations.length > 0)
    assert.equal(stateChecks.length, 6)
  })

  test('checks of states what the table says', () => {
    for (const file of migrations) {
      for (const check of stateChecks)
        assert.ok(readSource(file).includes(check), `${file}: ${check}`)
    }
  })
})
