/**
 * The task that does real work. It can be paused, slowed down or killed at any time, and what it writes is right in the end.
 *
 * Each file that is done adds a line to the manifest, then comes a checkpoint that says how long the manifest is by
 * then. An attempt that begins anew cuts the manifest back to that length: what was written after the last checkpoint is
 * written again, and no line is there twice.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { z } from 'zod'
import { task } from '../src/index.ts'
import { type Digested, digestAndPack, manifestLine, selectFiles } from './folder.ts'
import { Beat, Throttle } from './throttle.ts'

/** The mistakes that the run can be made to make, to see that the demo notices. */
export const faults = ['deaf', 'forgetful'] as const
export type Fault = (typeof faults)[number]

export interface FolderInput {
  readonly folder: string
  readonly limitBytes: number
  /** Where the digests go, a line for each file. */
  readonly manifest: string
  readonly faults: readonly Fault[]
}

export interface FolderProgress {
  readonly files: number
  readonly bytes: number
  readonly packedBytes: number
  readonly pass: number
  /** How far the current pass is, from 0 to 1. */
  readonly fraction: number
  /** How many pieces of work were done, the whole run over: a piece is a file, or 256 KiB of a larger one. */
  readonly pieces: number
  readonly attempt: number
  /** How many files the checkpoint had that this attempt began with; and of which pass. */
  readonly from: { readonly pass: number; readonly files: number }
  /** When it was so, in epoch ms. */
  readonly at: number
}

export interface FolderResult {
  /** Of the last pass. */
  readonly files: number
  readonly bytes: number
  readonly packedBytes: number
  readonly passes: number
  /** SHA-256 of the manifest. */
  readonly digest: string
  /** The longest time between two pieces of work, but for the waits that it was told to make. */
  readonly longestGapMs: number
}

const folderState = z.object({
  pass: z.number(),
  /** Done in this pass. */
  files: z.number(),
  bytes: z.number(),
  packedBytes: z.number(),
  /** The last file that was done. */
  last: z.string().nullable(),
  /** How long the manifest is with the line of that file. */
  manifestBytes: z.number(),
  pieces: z.number(),
  /** The most pieces a second; null for as many as it can. */
  perSecond: z.number().nullable(),
  isEnough: z.boolean(),
  longestGapMs: z.number(),
})

/** The state in a checkpoint of the folder run. */
export type FolderState = z.infer<typeof folderState>

const passBegun = { files: 0, bytes: 0, packedBytes: 0, last: null, manifestBytes: 0 }
const begun = { pieces: 0, perSecond: null, isEnough: false, longestGapMs: 0 }

/** Walks a folder, hashes and compresses every file, and writes a manifest of the digests; again and again until told `enough`. */
export const indexFolder = task({
  name: 'index-folder',
  signals: {
    /** The most pieces a second; the reply says what holds from now on. */
    throttle: z.number().positive().nullable(),
    /** This pass is the last. */
    enough: z.undefined(),
  },
  state: folderState,
  run: async (input: FolderInput, ctx): Promise<FolderResult> => {
    const saved = input.faults.includes('forgetful') ? undefined : ctx.state
    const state: FolderState = saved ?? { pass: 1, ...passBegun, ...begun }
    const pace = new Throttle(state.perSecond)
    ctx.on('throttle', (perSecond) => {
      if (!input.faults.includes('deaf')) state.perSecond = perSecond
      pace.limit(state.perSecond)
      return state.perSecond
    })
    ctx.on('enough', () => {
      state.isEnough = true
    })
    const { attempt } = ctx.run
    const from = { pass: state.pass, files: state.files }
    const beat = new Beat(state.longestGapMs)
    await using manifest = await open(input.manifest, constants.O_RDWR | constants.O_CREAT)
    await manifest.truncate(state.manifestBytes)
    for (;;) {
      await goOver(input, state, {
        manifest,
        abortSignal: ctx.abortSignal,
        report: (progress) => ctx.progress({ ...progress, attempt, from, at: Date.now() }),
        checkpoint: () => ctx.checkpoint(state),
        onPiece: async () => {
          state.pieces++
          state.longestGapMs = beat.note()
          await ctx.checkpoint(state)
          await pace.keep(ctx.abortSignal)
          beat.rest()
        },
      })
      if (state.isEnough) return await resultOf(input, state)
      Object.assign(state, passBegun, { pass: state.pass + 1 })
      // Only when it is stored does nobody need the manifest of this pass any more.
      await ctx.checkpoint(state, { save: true })
      await manifest.truncate(0)
    }
  },
})

interface Work {
  readonly manifest: FileHandle
  readonly abortSignal: AbortSignal
  readonly report: (progress: Omit<FolderProgress, 'attempt' | 'from' | 'at'>) => void
  readonly checkpoint: () => Promise<void>
  /** After each piece; fulfils when the next may begin. */
  readonly onPiece: () => Promise<void>
}

/** One pass, or the rest of one. */
async function goOver(input: FolderInput, state: FolderState, work: Work): Promise<void> {
  const { manifest, abortSignal } = work
  const selection = await selectFiles(input.folder, input.limitBytes)
  const report = (current: Omit<Digested, 'digest'>): void => {
    const { files, pass, pieces } = state
    const bytes = state.bytes + current.bytes
    const packedBytes = state.packedBytes + current.packedBytes
    const fraction = Math.min(bytes / Math.max(selection.bytes, 1), 1)
    work.report({ files, bytes, packedBytes, pass, fraction, pieces })
  }
  const onPiece = async (current: Omit<Digested, 'digest'>): Promise<void> => {
    report(current)
    await work.onPiece()
  }
  const nothing = { bytes: 0, packedBytes: 0 }
  report(nothing)
  for (const path of remainderOf(selection.files, state)) {
    const digested = await digestAndPack(path, { abortSignal, onPiece })
    if (digested.bytes === 0) await onPiece(nothing)
    const line = manifestLine(input.folder, path, digested.digest)
    const { bytesWritten } = await manifest.write(line, state.manifestBytes)
    state.files++
    state.bytes += digested.bytes
    state.packedBytes += digested.packedBytes
    state.last = path
    state.manifestBytes += bytesWritten
    await work.checkpoint()
  }
  report(nothing)
}

/** The files that are not done yet. Somebody may have added or removed some meanwhile. */
function remainderOf(
  files: readonly { readonly path: string }[],
  { last, files: doneCount }: FolderState,
): readonly string[] {
  const at = files.findIndex(({ path }) => path === last)
  return files.slice(at < 0 ? doneCount : at + 1).map(({ path }) => path)
}

async function resultOf({ manifest }: FolderInput, state: FolderState): Promise<FolderResult> {
  const { files, bytes, packedBytes, pass: passes, longestGapMs } = state
  const digest = createHash('sha256')
    .update(await readFile(manifest))
    .digest('hex')
  return { files, bytes, packedBytes, passes, digest, longestGapMs }
}
