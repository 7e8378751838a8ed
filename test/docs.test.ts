/** The pages that people read hang together: links lead somewhere, the index knows each page, and sentences name their subject. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const pages = globSync(['*.md', 'docs/**/*.md', 'examples/**/README.md'], { cwd: root }).sort()

/** A page without its blocks of code, line by line as it stands. */
function textOf(page: string): string {
  return readFileSync(join(root, page), 'utf8').replaceAll(/^```.*?^```$/gms, '')
}

/** The relative links of a page; inline code may look like one. */
function linksOf(page: string): { path: string; anchor: string | undefined }[] {
  const text = textOf(page).replaceAll(/`[^`]*`/g, '')
  return [...text.matchAll(/\]\((?![a-z]+:)([^)#]*)(?:#([^)]*))?\)/g)].map(
    ([, path = '', anchor]) => ({
      path: path === '' ? page : relative(root, join(root, dirname(page), path)),
      anchor,
    }),
  )
}

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(page: string): string[] {
  return [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** The sentences of a page, also those in lists and in the cells of tables; inline code is left out. */
function sentencesOf(page: string): string[] {
  return textOf(page)
    .replaceAll(/`[^`]*`/g, 'code')
    .replaceAll(/^\s*(?:[-*]|\d+\.|#+|>)\s+/gm, '\n\n')
    .replaceAll('|', '\n\n')
    .split(/\n\s*\n|(?<=[.?!][)*"]*)\s+/)
    .map((sentence) => sentence.replaceAll(/\s+/g, ' ').replace(/^[*("\s]+/, ''))
    .filter((sentence) => sentence !== '')
}

suite('the pages', () => {
  test('are found', () => {
    for (const page of ['README.md', 'docs/cli.md', 'docs/guides/workflows.md'])
      assert.ok(pages.includes(page), page)
  })

  for (const page of pages) {
    test(`${page} has links that lead somewhere`, () => {
      for (const { path, anchor } of linksOf(page)) {
        assert.ok(existsSync(join(root, path)), path)
        if (anchor) assert.ok(anchorsOf(path).includes(anchor), `${path}#${anchor}`)
      }
    })
  }

  test('of docs/ are in its index, each once at least', () => {
    const known = new Set(linksOf('docs/README.md').map(({ path }) => path))
    const documents = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md')
    assert.ok(documents.length >= 10, String(documents))
    assert.deepEqual(
      documents.filter((page) => !known.has(page)),
      [],
    )
  })

  test('have no sentence that begins with a word which hides its subject, unless it asks', () => {
    const sentences = pages.flatMap((page) =>
      sentencesOf(page).map((sentence) => `${page}: ${sentence}`),
    )
    assert.ok(sentences.length > 500, String(sentences.length))
    const hiding = /^[^:]+: (?:What|Whatever|Who|Whoever|One that|Those)\b(?!.*\?$)/
    assert.deepEqual(
      sentences.filter((sentence) => hiding.test(sentence)),
      [],
    )
  })
})
