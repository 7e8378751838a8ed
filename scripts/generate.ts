/**
 * Writes the documents that are read from tables: `docs/states.md`, `docs/errors.md`, `docs/operations.md`.
 * With `--check` it writes nothing, and exits 1 where one is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { errorsDocument } from './errors-document.ts'
import { operationsDocument } from './operations-document.ts'
import { statesDocument } from './states-document.ts'

const documents: readonly (readonly [file: string, text: string])[] = [
  ['docs/states.md', statesDocument()],
  ['docs/errors.md', errorsDocument()],
  ['docs/operations.md', operationsDocument()],
]

const isCheck = process.argv.includes('--check')
for (const [file, text] of documents) {
  const path = new URL(`../${file}`, import.meta.url)
  if (read(path) === text) continue
  if (isCheck) {
    console.error(`${file} is out of date: run \`npm run generate\``)
    process.exitCode = 1
  } else {
    writeFileSync(path, text)
    console.log(`wrote ${file}`)
  }
}

function read(path: URL): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
