import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { after, before, suite, test } from 'node:test'
import { dropSchema, freshSchema, testDatabase } from './support/database.ts'
import { Program } from './support/program.ts'

const receipt = [
  /^receipt for order 1: a saddle$/m,
  /^Error: the card was refused$/m,
  /^1 order, 1 run$/m,
]

/** What each example must print. */
const expected: Readonly<Record<string, readonly RegExp[]>> = {
  'quickstart/main': [
    /^Hello, Ada!$/m,
    /^spin: forced, confirmed, ended by SIG(TERM|KILL)$/m,
    /^nap: prevented$/m,
  ],
  'agent/main': [
    /^obedient: cooperative, confirmed$/m,
    /command: 'uname', exitCode: 0/,
    /^stubborn: forced, confirmed$/m,
    /reason: 'the user closed the tab'/,
  ],
  'transactions/pg': receipt,
  'transactions/drizzle': receipt,
  'transactions/kysely': receipt,
}
/** Needs a client that is generated, as its head says; and what `operations.test.ts` runs. */
const notRun = ['transactions/prisma', 'operations/service', 'operations/worker']
/** What the programs are made of. */
const parts = /\/(tasks|shop|table)\.ts$/

suite('the examples', () => {
  test('are all expected here', () => {
    const files = globSync('*/*.ts', { cwd: new URL('../examples', import.meta.url) })
    const names = files.filter((file) => !parts.test(file)).map((file) => file.replace('.ts', ''))
    assert.deepEqual(names.sort(), [...Object.keys(expected), ...notRun].sort())
  })

  const shop = freshSchema('shop')
  before(async () => {
    process.env['DATABASE_URL'] = await testDatabase()
    process.env['SHOP_SCHEMA'] = shop
  })
  after(async () => {
    for (const schema of [shop, `${shop}_runs`]) await dropSchema(await testDatabase(), schema)
  })

  for (const [name, patterns] of Object.entries(expected)) {
    test(`${name} does what it says`, async () => {
      await using program = new Program(`examples/${name}.ts`)
      const { exitCode, stdout, stderr } = await program.ended()
      assert.equal(exitCode, 0, stdout + stderr)
      for (const pattern of patterns) assert.match(stdout, pattern)
    })
  }
})
