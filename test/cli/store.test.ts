/** Which store a command is for, and what it may do to it. */
import assert from 'node:assert/strict'
import { globSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { shownUrl } from '../../src/client/connect.ts'
import { type StoreSettings, storeSettings } from '../../src/cli/session/store-settings.ts'
import type { Config } from '../../src/worker/config.ts'
import { dropSchema, freshSchema, testDatabase } from '../support/database.ts'
import { Place, tasksModule } from './cli.ts'
import type { Ended } from './resident.ts'

void test('the store is the one of --store, CHECKREIN_STORE, or a DATABASE_URL that names one', async () => {
  await using place = await Place.make('sqlite')
  const made = async (args: string[], env: NodeJS.ProcessEnv, name: string): Promise<void> => {
    assert.equal((await place.run(['enqueue', 'add', ...args], env)).code, 0)
    assert.ok(existsSync(place.path(name)), name)
  }
  await made(['--store', 'sqlite:flag.db'], { CHECKREIN_STORE: 'sqlite:no.db' }, 'flag.db')
  await made(
    [],
    { CHECKREIN_STORE: 'sqlite:variable.db', DATABASE_URL: 'sqlite:no.db' },
    'variable.db',
  )
  await made([], { DATABASE_URL: `file://${place.path('database.db')}` }, 'database.db')
  await made([], { DATABASE_URL: 'mysql://elsewhere' }, 'checkrein.db')
  assert.ok(!existsSync(place.path('no.db')))
})

void test('a command that asks does not make a store, and leaves the databases of others as they are', async () => {
  await using place = await Place.make('sqlite')
  const refuses = async (args: string[]): Promise<void> => {
    const { code, stderr } = await place.run(args)
    assert.equal(code, 69, args.join(' '))
    assert.match(stderr, /^error STORE_UNAVAILABLE: There is no store at .*checkrein\.db\nhint: /)
  }
  for (const args of [
    ['list'],
    ['doctor'],
    ['cancel', 'x'],
    ['prune', '--failed', '1d'],
    ['watch'],
  ])
    await refuses(args)
  assert.ok(!existsSync(place.path('checkrein.db')))
  writeFileSync(place.path('empty.db'), '')
  assert.equal((await place.run(['list', '--store', 'sqlite:empty.db'])).code, 69)
  assert.equal(readFileSync(place.path('empty.db')).length, 0)
})

const pg = 'postgres://h/db'

interface Said {
  readonly given?: { readonly store?: string; readonly schema?: string }
  readonly env?: NodeJS.ProcessEnv
  readonly config?: Config
}

function settingsOf({ given = {}, env = {}, config = {} }: Said): StoreSettings {
  return storeSettings(given, env, config)
}

void test('the command line wins over the environment, and the environment over the configuration', () => {
  const url = (said: Said): string => settingsOf(said).url
  const env = { CHECKREIN_STORE: 'sqlite:env.db', DATABASE_URL: pg }
  const config = { store: 'sqlite:config.db' }
  assert.equal(url({}), 'sqlite:checkrein.db')
  assert.equal(url({ config }), 'sqlite:config.db')
  assert.equal(url({ env: { DATABASE_URL: pg }, config }), pg)
  assert.equal(url({ env: { DATABASE_URL: 'mysql://h' }, config }), 'sqlite:config.db')
  assert.equal(url({ env: { DATABASE_URL: '' } }), 'sqlite:checkrein.db')
  assert.equal(url({ env, config }), 'sqlite:env.db')
  assert.equal(url({ given: { store: 'sqlite:given.db' }, env, config }), 'sqlite:given.db')
})

void test('the schema goes by the same order, and a URL may name one', () => {
  const schema = (said: Said): string | undefined => {
    const { options, url } = settingsOf(said)
    return options.schema ?? new URL(url).searchParams.get('schema') ?? undefined
  }
  const inUrl = `${pg}?schema=url`
  const env = { DATABASE_URL: pg, CHECKREIN_SCHEMA: 'env' }
  assert.equal(schema({ env: { DATABASE_URL: pg } }), undefined)
  assert.equal(schema({ config: { store: pg, schema: 'config' } }), 'config')
  assert.equal(schema({ env, config: { schema: 'config' } }), 'env')
  assert.equal(schema({ given: { schema: 'given' }, env }), 'given')
  assert.equal(schema({ given: { store: inUrl }, env }), 'url')
  assert.equal(schema({ env: { DATABASE_URL: inUrl }, config: { schema: 'config' } }), 'url')
  assert.equal(schema({ given: { store: pg }, env: { DATABASE_URL: inUrl } }), undefined)
})

void test('the connection that listens belongs to the store that is configured', () => {
  const config = { store: pg, listenUrl: 'postgres://direct/db' }
  assert.equal(settingsOf({ config }).options.listenUrl, config.listenUrl)
  assert.equal(settingsOf({ given: { store: pg }, config }).options.listenUrl, undefined)
})

void test('a configuration file says what the command line need not', async () => {
  await using place = await Place.make('sqlite')
  writeFileSync(
    place.path('checkrein.config.ts'),
    `import type { Config } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)}
    export default {
      store: 'sqlite:configured.db',
      modules: [${JSON.stringify(tasksModule)}],
      worker: { queues: ['heavy'], lease: '7s', finish: '10ms' },
    } satisfies Config`,
  )
  const worker = place.start(['worker'])
  await worker.says(/queues: heavy;/)
  assert.ok(existsSync(place.path('configured.db')))
  const [record] = await place.json<{ leaseMs: number }[]>('workers')
  assert.equal(record?.leaseMs, 7000)
  const other = place.start(['worker', tasksModule, '--queue', 'light', '--lease', '9s'])
  await other.says(/queues: light;/)
  const elsewhere = await place.run(['list', '--store', 'sqlite:elsewhere.db'])
  assert.equal(elsewhere.code, 69)
})

void test('a broken configuration says what is wrong with it', async () => {
  await using place = await Place.make('sqlite')
  const broken: [string, string, RegExp][] = [
    ['ts', 'export default { store: 1 }', /store is not text/],
    ['ts', 'export default { store: undefined, schema: "" }', /schema is not text/],
    [
      'js',
      'export default { stroe: "sqlite:x.db" }',
      /no field stroe\nhint: Fields: store, schema/,
    ],
    [
      'mjs',
      'export default { worker: { queue: "a" } }',
      /no field worker\.queue\nhint: .*worker\.queues/,
    ],
    [
      'mts',
      'export default { worker: { lease: "soon" } }',
      /worker: lease: "soon" is not a duration/,
    ],
    ['ts', 'export default { worker: { queues: "a" } }', /worker: queues must be a list/],
    ['ts', 'export default { modules: "tasks.ts" }', /modules is not a list of paths/],
    ['ts', 'export default { requireBy: "ada" }', /requireBy is not true or false/],
    ['ts', 'export const store = 1', /no default export\nhint: .*defineConfig/],
    ['ts', 'export default (', /cannot be loaded/],
    ['ts', 'throw new Error("not today")', /cannot be loaded: not today/],
    ['ts', 'export default []', /not an object/],
  ]
  for (const [ending, text, says] of broken) {
    await using own = await Place.make('sqlite')
    writeFileSync(own.path(`checkrein.config.${ending}`), text)
    const { code, stderr } = await own.run(['list'])
    assert.equal(code, 78, stderr)
    assert.match(stderr, /^error CONFIG_INVALID: checkrein\.config\.\w+: .*\nhint: /)
    assert.match(stderr, says)
  }
  writeFileSync(place.path('checkrein.config.ts'), 'export default {}')
  writeFileSync(place.path('checkrein.config.js'), 'export default {}')
  assert.match((await place.run(['list'])).stderr, /checkrein\.config\.js beside it/)
})

/** URLs with a password in every place where one may stand, also unescaped, and wrong in many ways. */
function urlsWith(password: string): readonly string[] {
  return [
    `postgres://user:${password}@h:5432/no-such-database`,
    `postgres:/user:${password}@h/db`,
    `postgres://h:5432/db?user=nobody&password=${password}`,
    `postgresql://user:${password}@a:1,b:2/db?schema=x`,
    `mysql://user:${password}@h/db`,
    `user:${password}@h/db`,
  ]
}

void test('a URL is shown without its password, whatever is in it', () => {
  for (const password of ['s3cret', 's3c/ret', 's3c@r?et-s3c', 's3c:ret', 's3c%40', 's3c#@s3c'])
    for (const url of urlsWith(password)) assert.doesNotMatch(shownUrl(url), /s3c|ret/, url)
  assert.equal(shownUrl('postgres://ada:x@h:5432/db?a=b'), 'postgres://ada@h:5432/db')
  assert.equal(shownUrl('postgres://h:5432/db'), 'postgres://h:5432/db')
})

void test('a password is in no output of a command, a worker, or an error', async () => {
  await using place = await Place.make('sqlite')
  const url = new URL(await testDatabase())
  const schema = freshSchema('cli')
  url.password = 's3cret'
  const store = url.href
  const env = { DATABASE_URL: store, CHECKREIN_SCHEMA: schema, CHECKREIN_DEBUG: '1' }
  const told = async (...args: readonly string[]): Promise<Ended> => {
    const ended = await place.run(args, env)
    assert.doesNotMatch(ended.stdout + ended.stderr, /s3c/)
    return ended
  }
  const dev = place.start(['dev', tasksModule], env)
  await dev.says(/worker \S+ started/)
  for (const args of [['doctor'], ['doctor', '--json'], ['migrate']]) await told(...args)
  dev.signal('SIGTERM')
  const { stdout, stderr } = await dev.ended
  assert.match(stderr, /^store postgres:.*, schema cli_/)
  assert.doesNotMatch(stdout + stderr, /s3c/)
  url.pathname = '/no-such-database'
  const wrong = [url.href, 'postgres://127.0.0.1:1/db?password=s3cret', ...urlsWith('s3c@r?et')]
  const failing = wrong.filter((one) => !/@h:5432|@a:1|\/\/h:/.test(one))
  for (const one of failing) {
    const { code, stderr } = await told('list', '--store', one)
    assert.notEqual(code, 0, stderr)
  }
  await dropSchema(store, schema)
})

const newest = globSync('src/store/sqlite/migrations/*.sql').length

for (const kind of ['sqlite', 'postgres'] as const) {
  void test(`migrate makes the tables once, and says before what it would do, on ${kind}`, async () => {
    await using place = await Place.make(kind)
    const dry = await place.run(['migrate', '--dry-run'])
    assert.equal(dry.code, 1)
    assert.match(dry.stdout, /CREATE TABLE (checkrein_)?runs/)
    assert.equal((await place.run(['list'])).code, 69, 'there is no store yet')
    assert.equal(await place.does('migrate'), `made: schema version ${newest}`)
    for (const args of [['migrate'], ['migrate', '--dry-run']])
      assert.equal(await place.does(...args), `up to date: schema version ${newest}`)
    const { from, to, sql } = await place.json<{ from: number; to: number; sql: string }>('migrate')
    assert.deepEqual({ from, to, sql }, { from: newest, to: newest, sql: '' })
    assert.equal((await place.run(['list'])).code, 0)
  })
}
