import { createHash } from 'node:crypto'
import { createReadStream, type Dirent } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

/** The most files that are looked at. */
export const mostFiles = 20_000

/** The level of compression: gzip's own default. */
const gzipLevel = 6

export interface Selection {
  /** In path order. */
  readonly files: readonly { readonly path: string; readonly size: number }[]
  readonly bytes: number
  /** How many did not fit into the limit. */
  readonly leftOutCount: number
  /** Whether the folder has more files than are looked at. */
  readonly isCut: boolean
}

/**
 * The files that the demo works on: of the first 20,000 regular files in path order those that fit into the limit.
 * Symbolic links aren't followed; a folder that can't be read counts as empty, and so does one named
 * `.cache`: others may write there meanwhile, and where the limit cuts, each change of a size changes the selection.
 */
export async function selectFiles(folder: string, limitBytes: number): Promise<Selection> {
  const files: { path: string; size: number }[] = []
  let [bytes, leftOutCount, lookedAtCount] = [0, 0, 0]
  for await (const path of walk(folder)) {
    if (lookedAtCount++ === mostFiles) return { files, bytes, leftOutCount, isCut: true }
    const size = await lstat(path).then(
      (stat) => stat.size,
      () => 0,
    )
    if (bytes + size > limitBytes) leftOutCount++
    else {
      files.push({ path, size })
      bytes += size
    }
  }
  return { files, bytes, leftOutCount, isCut: false }
}

async function* walk(folder: string): AsyncGenerator<string, void, undefined> {
  const entries: Dirent[] = await readdir(folder, { withFileTypes: true }).catch(() => [])
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && entry.name !== '.cache') yield* walk(path)
    else if (entry.isFile()) yield path
  }
}

export interface Digested {
  /** SHA-256 in hex; `unreadable` where the file can't be read. */
  readonly digest: string
  readonly bytes: number
  readonly packedBytes: number
}

/** Reads a file once, to hash and to compress it; what comes out of the compression is counted and dropped. */
export async function digestAndPack(
  path: string,
  {
    abortSignal,
    onPiece,
  }: {
    readonly abortSignal: AbortSignal
    /** Awaited after each piece; where it rejects, so does the whole. */
    readonly onPiece: (done: Omit<Digested, 'digest'>) => Promise<void>
  },
): Promise<Digested> {
  const hash = createHash('sha256')
  let [bytes, packedBytes] = [0, 0]
  const read = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of source) {
      hash.update(piece)
      bytes += piece.length
      await onPiece({ bytes, packedBytes })
      yield piece
    }
  }
  const count = async (packed: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of packed) packedBytes += piece.length
  }
  try {
    const source = createReadStream(path, { highWaterMark: 256 * 1024 })
    await pipeline(source, read, createGzip({ level: gzipLevel }), count, { signal: abortSignal })
  } catch (error) {
    abortSignal.throwIfAborted()
    if (!isFileError(error)) throw error
    return { digest: 'unreadable', bytes, packedBytes }
  }
  return { digest: hash.digest('hex'), bytes, packedBytes }
}

export function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}

/** A line of the manifest: a digest, and the path within the folder. */
export function manifestLine(folder: string, path: string, digest: string): string {
  return `${digest}  ${relative(folder, path)}\n`
}
