/**
 * Whether the files that are open are still those at their paths.
 *
 * A file that is deleted, moved or replaced stays open: a process goes on in it without a word, while others find another store, or
 * none, at the path, and everything that was written is gone with the last process. A log or a shared memory (`-wal`, `-shm`) that is
 * deleted does worse, for processes with different ones know nothing of each other's locks. So each commit looks at the path of the
 * database before it is acknowledged (a look takes 0.6 to 2 us, an enqueue some 50), and every few milliseconds a commit or a read looks
 * at all three. Once a file was found to be another one, nothing is begun and nothing acknowledged any more: a new process opens what is
 * at the path now.
 * @see https://www.sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use
 */
import { statSync } from 'node:fs'
import { CheckreinError } from '../../core/errors.ts'

/** A look that was made so recently is as good as one now where nothing is acknowledged, ms. */
const recentMs = 5
const suffixes = ['', '-wal', '-shm'] as const

/** The three files of one store, as they were when it was opened. */
export class SameFiles {
  readonly #file: string
  readonly #mark: Mark
  #marks: readonly Mark[] | null = null
  #lookedAt = -Infinity
  #lost: CheckreinError | null = null

  /** Made before the file is opened. */
  constructor(file: string) {
    this.#file = file
    this.#mark = markOf(file)
  }

  /** Notes the other two files: called once, when the database is open and all three are there. */
  note(): void {
    this.#marks = suffixes.map((suffix) =>
      suffix === '' ? this.#mark : markOf(this.#file + suffix),
    )
    this.check()
  }

  /** Looks at the database, and now and then at the others. @throws {CheckreinError} `STORE_REPLACED` where one is not the one that is open, from then on always. */
  check(): void {
    if (this.#lost) throw this.#lost
    if (!this.#marks) return
    if (performance.now() - this.#lookedAt < recentMs) return this.#look(0)
    this.#lookedAt = performance.now()
    for (const at of suffixes.keys()) this.#look(at)
  }

  #look(at: number): void {
    const suffix = suffixes[at] ?? ''
    const mark = this.#marks?.[at]
    const found = mark && markOf(this.#file + suffix)
    if (mark && found !== undefined && found !== mark) this.#fail(suffix, found)
  }

  /** The error that `check` throws; null where all is well. */
  get error(): CheckreinError | null {
    try {
      this.check()
    } catch {}
    return this.#lost
  }

  /** The same, unless it has looked just now. */
  checkNowAndThen(): void {
    if (this.#lost || performance.now() - this.#lookedAt > recentMs) this.check()
  }

  #fail(suffix: string, found: Mark): never {
    const file = this.#file + suffix
    const message =
      found === null
        ? `${file} is gone: it was deleted or moved while this process had it open`
        : `${file} is another file than the one that this process has open`
    const hint =
      'Nothing more is written. Start the process again to work with what is at the path now. To move or restore a store, stop its processes first: docs/sqlite.md.'
    this.#lost = new CheckreinError('STORE_REPLACED', { message, hint, details: { file } })
    throw this.#lost
  }
}

/** The device and number of a file; null where there is none, undefined where nobody can tell. */
type Mark = string | null | undefined

function markOf(path: string): Mark {
  try {
    const found = statSync(path, { throwIfNoEntry: false })
    return found ? `${found.dev}:${found.ino}` : null
  } catch {
    return undefined
  }
}
