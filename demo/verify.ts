/** The demo's own opinion of what the folder run should have found. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isFileError, manifestLine, selectFiles } from './folder.ts'
import type { FolderInput, FolderResult } from './index-folder.ts'

export interface Verdict {
  readonly files: number
  readonly bytes: number
  /** Files of which the run and the demo have different digests, though nobody changed them meanwhile. */
  readonly wrong: readonly string[]
  /** Files that somebody changed while the demo ran: nothing can be said about them. */
  readonly changed: readonly string[]
  /** Whether the result is that of the manifest. */
  readonly isSealed: boolean
}

/**
 * Reads every file again, and compares with what the run wrote down.
 * @param since when the demo began, in epoch ms.
 */
export async function verify(
  input: FolderInput,
  result: FolderResult,
  since: number,
): Promise<Verdict> {
  const manifest = await readFile(input.manifest, 'utf8')
  const theirs = new Set(manifest.split('\n').filter((line) => line !== ''))
  const { files, bytes } = await selectFiles(input.folder, input.limitBytes)
  const ours = new Set<string>()
  for (const { path } of files)
    ours.add(manifestLine(input.folder, path, await digestOf(path)).trimEnd())
  const suspect = new Set([...theirs.symmetricDifference(ours)].map(pathIn))
  const verdict = { wrong: [] as string[], changed: [] as string[] }
  for (const path of suspect) {
    const isChanged = await wasChanged(join(input.folder, path), since)
    verdict[isChanged ? 'changed' : 'wrong'].push(path)
  }
  const isSealed = createHash('sha256').update(manifest).digest('hex') === result.digest
  return {
    ...verdict,
    files: files.length,
    bytes,
    isSealed: isSealed && theirs.size === result.files,
  }
}

const pathIn = (line: string): string => line.slice(line.indexOf('  ') + 2)

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const piece of createReadStream(path)) hash.update(piece as Buffer)
    return hash.digest('hex')
  } catch (error) {
    if (isFileError(error)) return 'unreadable'
    throw error
  }
}

async function wasChanged(path: string, since: number): Promise<boolean> {
  return lstat(path).then(
    (stat) => stat.ctimeMs >= since,
    () => true,
  )
}
