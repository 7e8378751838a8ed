/** The prose of the sources: every exported symbol says what it is for, and every sentence names its subject. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { hidingSentencesIn, undocumentedIn } from './support/comments.ts'
import { readSources, sourceOf } from './support/imports.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const sources = readSources(root)
/** The programs beside the sources, whose sentences are looked at too. */
const programs = globSync('{bench,demo}/**/*.ts', { cwd: root }).map((file) =>
  sourceOf(file, readFileSync(`${root}/${file}`, 'utf8')),
)

suite('the sources', () => {
  test('are read', () => {
    assert.ok(sources.length > 250, `${sources.length} files`)
  })

  test('have a doc comment for each exported symbol', () => {
    const missing = sources.flatMap(({ file, text }) =>
      undocumentedIn(text).map((name) => `${file}: ${name}`),
    )
    assert.deepEqual(missing, [])
  })

  test('have no sentence that begins with a word which hides its subject, unless it asks', () => {
    const found = [...sources, ...programs].flatMap(({ file, text }) =>
      hidingSentencesIn(text).map((sentence) => `${file}: ${sentence}`),
    )
    assert.deepEqual(found, [])
  })
})

suite('the check of the prose', () => {
  test('finds exported symbols without a comment of their own', () => {
    const text = [
      '/** The head of the file. */',
      "import { a } from './a.ts'",
      'export const bare = 1',
      '/** A doc. */',
      '// oxlint-disable-next-line some-rule',
      'export async function told(one: string): void',
      'export async function told(one: number): void {}',
      'export interface Bare {}',
      "export { b } from './b.ts'",
    ].join('\n')
    assert.deepEqual(undocumentedIn(text), ['bare', 'Bare'])
  })

  test('finds sentences that hide their subject, in comments and in texts', () => {
    const text = [
      '/** The first is good. What comes second is not.',
      ' * @returns what is left: that is fine',
      ' * Who asks? That is a question. */',
      'const hint = `Give a list. Those of ${kind} are refused.`',
      '  // Whoever reads this',
      '  // will find it.',
      "const name = 'What'",
    ].join('\n')
    assert.deepEqual(hidingSentencesIn(text), [
      'What comes second is not.',
      'Whoever reads this will find it.',
      'Those of ${kind} are refused.',
    ])
  })
})
