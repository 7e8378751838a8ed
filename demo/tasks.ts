/** The tasks of the demo: one that does real work, and three that are to be stopped. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { appendFile, rm, writeFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { task } from '../src/index.ts'
import { type Digested, digestAndPack, manifestLine, selectFiles } from './folder.ts'

/** What a run says of itself, so that the demo can look at its processes. */
export interface Pids {
  /** The process that runs the handler; it leads a process group of its own. */
  readonly handler: number
  /** What the handler started. */
  readonly started: readonly number[]
}

export interface FolderProgress {
  readonly files: number
  readonly bytes: number
  readonly packedBytes: number
  readonly pass: number
  /** How far the current pass is, from 0 to 1. */
  readonly fraction: number
}

export interface FolderResult {
  /** Of the last pass. */
  readonly files: number
  readonly bytes: number
  readonly packedBytes: number
  readonly passes: number
  /** SHA-256 of the manifest. */
  readonly digest: string
  /** The longest time between two pieces of work, the whole run over. */
  readonly longestGapMs: number
}

export interface FolderInput {
  readonly folder: string
  readonly limitBytes: number
  /** A folder that takes less long than this is gone over again. */
  readonly atLeastMs: number
  /** Where the digests go, a line for each file. */
  readonly manifest: string
}

/** Walks a folder, hashes and compresses every file, and writes a manifest of the digests. */
export const indexFolder = task({
  name: 'index-folder',
  run: async (input: FolderInput, ctx): Promise<FolderResult> => {
    const enoughAt = performance.now() + input.atLeastMs
    const beat = new Beat()
    for (let pass = 1; ; pass++) {
      const { manifest, ...done } = await goOver(input, {
        abortSignal: ctx.abortSignal,
        onPiece: () => beat.note(),
        onProgress: (progress) => ctx.progress({ ...progress, pass }),
      })
      if (performance.now() < enoughAt) continue
      await writeFile(input.manifest, manifest)
      const digest = createHash('sha256').update(manifest).digest('hex')
      return { ...done, passes: pass, digest, longestGapMs: beat.longestGapMs }
    }
  },
})

interface Pass {
  readonly abortSignal: AbortSignal
  readonly onPiece: () => void
  readonly onProgress: (progress: Omit<FolderProgress, 'pass'>) => void
}

async function goOver(
  { folder, limitBytes }: FolderInput,
  { abortSignal, onPiece, onProgress }: Pass,
) {
  const selection = await selectFiles(folder, limitBytes)
  let [files, bytes, packedBytes, manifest] = [0, 0, 0, '']
  const report = (current: Omit<Digested, 'digest'>): void => {
    const now = {
      files,
      bytes: bytes + current.bytes,
      packedBytes: packedBytes + current.packedBytes,
    }
    onPiece()
    onProgress({ ...now, fraction: Math.min(now.bytes / Math.max(selection.bytes, 1), 1) })
  }
  for (const { path } of selection.files) {
    const digested = await digestAndPack(path, { abortSignal, onPiece: report })
    manifest += manifestLine(folder, path, digested.digest)
    files++
    bytes += digested.bytes
    packedBytes += digested.packedBytes
  }
  report({ bytes: 0, packedBytes: 0 })
  return { files, bytes, packedBytes, manifest }
}

/** How regularly the work goes on. */
class Beat {
  longestGapMs = 0
  #lastAt = performance.now()

  note(): void {
    const now = performance.now()
    this.longestGapMs = Math.max(this.longestGapMs, Math.round(now - this.#lastAt))
    this.#lastAt = now
  }
}

/** A loop that never looks at its abort signal, and ignores SIGTERM too. */
export const cpuLoop = task({
  name: 'cpu-loop',
  run: (_: void, ctx): never => {
    process.on('SIGTERM', () => {})
    ctx.progress({ handler: process.pid, started: [] } satisfies Pids)
    for (;;);
  },
})

/** Waits for a shell and its `sleep`, both of which ignore SIGTERM. */
export const grandchild = task({
  name: 'grandchild',
  run: async (_: void, ctx) => {
    const script = 'trap "" TERM; sleep 600 & echo $!; wait'
    const shell = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(shell, 'spawn')
    const [line] = (await once(shell.stdout, 'data')) as [Buffer]
    const started = [shell.pid ?? 0, Number(String(line))]
    ctx.progress({ handler: process.pid, started } satisfies Pids)
    await once(shell, 'exit')
  },
})

/** Keeps a scratch file and a subprocess; cleans both up when asked to stop, and says how far it got. */
export const polite = task({
  name: 'polite',
  run: async ({ scratch }: { scratch: string }, ctx) => {
    const { abortSignal } = ctx
    const helper = spawn('sleep', ['600'], { stdio: 'ignore' })
    await once(helper, 'spawn')
    let lines = 0
    try {
      while (!abortSignal.aborted) {
        await appendFile(scratch, `line ${++lines}\n`)
        if (lines === 1)
          ctx.progress({ handler: process.pid, started: [helper.pid ?? 0] } satisfies Pids)
        await pause(100, undefined, { signal: abortSignal }).catch(() => undefined)
      }
      return { lines }
    } finally {
      const ended = once(helper, 'exit')
      helper.kill()
      await ended
      await rm(scratch)
    }
  },
})
