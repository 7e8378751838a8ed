import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { suite, test } from 'node:test'
import { Program } from './support/program.ts'

/** What each example must print. */
const expected: Readonly<Record<string, readonly RegExp[]>> = {
  quickstart: [
    /^Hello, Ada!$/m,
    /^spin: forced, confirmed, ended by SIG(TERM|KILL)$/m,
    /^nap: prevented$/m,
  ],
  agent: [
    /^obedient: cooperative, confirmed$/m,
    /command: 'uname', exitCode: 0/,
    /^stubborn: forced, confirmed$/m,
    /reason: 'the user closed the tab'/,
  ],
}

suite('the examples', () => {
  test('are all expected here', () => {
    const folders = readdirSync(new URL('../examples', import.meta.url), { withFileTypes: true })
    const names = folders.filter((entry) => entry.isDirectory()).map(({ name }) => name)
    assert.deepEqual(names.sort(), Object.keys(expected).sort())
  })

  for (const [name, patterns] of Object.entries(expected)) {
    test(`${name} does what it says`, async () => {
      await using program = new Program(`examples/${name}/main.ts`)
      const { exitCode, stdout, stderr } = await program.ended()
      assert.equal(exitCode, 0, stdout + stderr)
      for (const pattern of patterns) assert.match(stdout, pattern)
    })
  }
})
