/** The house as ARCHITECTURE.md draws it: imports go down only, and each power is in one room. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { stateChecks } from '../src/store/driver/state-sql.ts'
import { postgresStatements } from '../src/store/postgres/sql/statements.ts'
import { sqliteStatements } from '../src/store/sqlite/statements.ts'
import {
  fileCircles,
  floorFaults,
  floorOf,
  folderCircles,
  readSources,
  sourceOf,
} from './support/imports.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const readSource = (file: string): string => readFileSync(`${root}/${file}`, 'utf8')

const sources = readSources(root)

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

/**
 * The folders inside the rooms, from the lowest floor to the highest: each may import, types included, only from the lines
 * before its own. A file with a line of its own is a floor for itself; every other file is on the floor of its folder. A new
 * folder gets one line here: the failing test says between which two.
 */
const floors: readonly string[] = [
  // core: words and rules
  'src/core/is-record.ts',
  'src/core/json.ts',
  'src/core/json-depth.ts',
  'src/core/instant.ts',
  'src/core/errors.ts',
  'src/core/error-record.ts',
  'src/core/duration.ts',
  'src/core/payload.ts',
  'src/core/text.ts',
  'src/core/backoff.ts',
  'src/core/run',
  'src/core/filter.ts',
  'src/core/hold.ts',
  'src/core/task',
  'src/core/workflow',
  // store: durable truth
  'src/store/port',
  'src/store/store.ts',
  'src/store/driver',
  'src/store/rows',
  'src/store/journal',
  'src/store/changes',
  'src/store/progress',
  'src/store/runs',
  'src/store/control',
  'src/store/workflow',
  'src/store/claims',
  'src/store/chores',
  'src/store/sql',
  'src/store/sqlite',
  'src/store/postgres/tables.ts',
  'src/store/postgres/connection',
  'src/store/place.ts',
  'src/store/postgres/schema',
  'src/store/postgres/news',
  'src/store/postgres/sql',
  'src/store/postgres/transactions',
  'src/store/postgres/driver.ts',
  'src/store/postgres/open.ts',
  'src/store/open.ts',
  // executor: where a handler's code runs
  'src/executor/executor.ts',
  'src/executor/os',
  'src/executor/wire',
  'src/executor/watchdog',
  'src/executor/isolate/attempt',
  'src/executor/isolate/signals',
  'src/executor/isolate/context.ts',
  'src/executor/isolate',
  'src/executor/host',
  'src/executor/create.ts',
  // client: what may be asked
  'src/client/options',
  'src/client/views',
  'src/client/requests',
  'src/client/waits',
  'src/client/handles',
  'src/client/schemas',
  'src/client/within.ts',
  'src/client/client.ts',
  'src/client/operations',
  'src/client/connect.ts',
  // keeper: housekeeping
  'src/keeper',
  // worker: claims and executes
  'src/worker/version.ts',
  'src/worker/telemetry.ts',
  'src/worker/options.ts',
  'src/worker/registry.ts',
  'src/worker/attempt',
  'src/worker/claiming',
  'src/worker/shutdown.ts',
  'src/worker/worker.ts',
  'src/worker/config.ts',
  'src/worker/start.ts',
  'src/worker/hand-back.ts',
  // cli: the command line
  'src/cli/text',
  'src/cli/session',
  'src/cli/commands',
  'src/cli/program.ts',
  'src/cli/run.ts',
  'src/cli/main.ts',
  'src/index.ts',
]

/** An import or export that loads a file: those of types alone are gone when the code runs. */
const loadPattern = /^(?:import|export) (?!type\b)[^'()]*?from '([^']+)'/gm

/** The files that may be longer than others, and why: each hands every call on, so it is as long as the port that it serves. */
const facades: Readonly<Record<string, string>> = {
  'src/client/client.ts': 'a method for each operation',
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

  test('lets the folders inside the rooms import only from the floors below them', () => {
    assert.deepEqual(floorFaults(sources, floors), [])
  })

  test('has no floor without a file', () => {
    const used = new Set(sources.map(({ file }) => floorOf(file, floors)))
    assert.deepEqual(
      floors.filter((floor) => !used.has(floor)),
      [],
      'take the lines of folders that are gone, or have no files of their own, out of the table',
    )
  })

  test('has no circle of imports between files or folders, types included', () => {
    assert.deepEqual(fileCircles(sources), [])
    assert.deepEqual(folderCircles(sources, floors), [])
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

  test('keeps files short, but for façades', () => {
    for (const { file, text } of sources) {
      if (file in facades) continue
      const lines = text.trimEnd().split('\n').length
      assert.ok(
        lines <= (file.endsWith('/statements.ts') ? 400 : 300),
        `${file} has ${lines} lines`,
      )
    }
  })

  test('loads with the front door, and so in every isolate, nothing that only some programs need', () => {
    const loaded = new Set<string>()
    const pending = ['src/index.ts']
    for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
      if (loaded.has(file)) continue
      loaded.add(file)
      for (const [, name = ''] of readSource(file).matchAll(loadPattern))
        if (name.startsWith('.')) pending.push(posix.join(posix.dirname(file), name))
    }
    assert.ok(loaded.has('src/client/client.ts') && loaded.size > 40, `${loaded.size} files`)
    const rare =
      /client\/(schemas|operations)\/|store\/(sql|sqlite|postgres|workflow)\/|machine|read-/
    assert.deepEqual(
      [...loaded].filter((file) => rare.test(file)),
      [],
    )
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

suite('the check of the imports', () => {
  const planted = [
    sourceOf('src/a/low.ts', "import type { Inner } from './inner/one.ts'\n"),
    sourceOf('src/a/inner/one.ts', "import {\n  type Two,\n} from './two.ts'\n"),
    sourceOf('src/a/inner/two.ts', "export type { Low } from '../low.ts'\n"),
  ]

  test('finds a circle of types between files', () => {
    assert.deepEqual(fileCircles(planted), [
      ['src/a/inner/one.ts', 'src/a/inner/two.ts', 'src/a/low.ts'],
    ])
    assert.deepEqual(fileCircles(planted.slice(0, 2)), [])
  })

  test('finds a circle of types between folders whose files make none', () => {
    const files = [
      sourceOf('src/a/one.ts', "import type { Two } from '../b/two.ts'\n"),
      sourceOf('src/b/other.ts', "import type { Three } from '../a/three.ts'\n"),
      ...['src/a/three.ts', 'src/b/two.ts'].map((file) => sourceOf(file, '')),
    ]
    assert.deepEqual(fileCircles(files), [])
    assert.deepEqual(folderCircles(files, []), [['src/a', 'src/b']])
  })

  test('names both files of an import that goes up', () => {
    const [fault, ...others] = floorFaults(planted, ['src/a', 'src/a/inner'])
    assert.match(fault ?? '', /^src\/a\/low\.ts imports src\/a\/inner\/one\.ts/)
    assert.deepEqual(others, [])
  })

  test('says between which lines a new folder belongs', () => {
    const files = [
      sourceOf('src/a/top.ts', "import { claim } from './claims/claim.ts'\n"),
      sourceOf('src/a/claims/claim.ts', "import type { Row } from '../rows/row.ts'\n"),
      sourceOf('src/a/rows/row.ts', ''),
    ]
    assert.deepEqual(floorFaults(files, ['src/a/rows', 'src/a']), [
      "src/a/claims has no line in the table `floors` of test/architecture.test.ts: add `'src/a/claims',` below the line 'src/a/rows', the highest that it imports and above the line 'src/a', the lowest that imports it",
    ])
  })
})

/** Inserts into the table of runs, and updates of it that set `state`. */
const writesState =
  /INSERT INTO \S*\bcheckrein_runs \(|INSERT INTO \S*\.runs \(|UPDATE (checkrein_runs|\S*\.runs)( AS r)?\s+SET \(?(state\b|[^;]*?\bstate = ')/

suite('the one way for a run to change', () => {
  const list = readSource('src/store/changes/changes.ts').split('*/')[0] ?? ''
  const writers = [sqliteStatements, postgresStatements('s')].flatMap((statements) =>
    Object.entries(statements).flatMap(([name, text]: [string, unknown]) =>
      typeof text === 'string' && writesState.test(text) ? [name] : [],
    ),
  )

  test('was looked at: statements write the state of a run', () => {
    assert.ok(writers.includes('updateRuns') && writers.includes('completeAlone'))
    assert.ok(writesState.test(sqliteStatements.preventRuns(['queued'], 'no members')))
  })

  test('lists every statement that writes the state of a run', () => {
    for (const name of [...writers, 'preventRuns'])
      assert.ok(list.includes(`\`${name}\``), `${name} is not in the list of changes.ts`)
  })

  test('is gone in two files alone, which know what comes of an end', () => {
    const users = sources.filter(({ text }) => /\bchanges\.send\(/.test(text))
    assert.deepEqual(users.map(({ file }) => file).sort(), [
      'src/store/progress/starts.ts',
      'src/store/runs/after-ends.ts',
    ])
  })
})

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
