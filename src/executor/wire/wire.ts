import type { Duplex } from 'node:stream'

/**
 * Lines of text over a pipe between a worker and its children, in both directions.
 *
 * Any code in a child can write to its end of the pipe. So each line is sent with a line break before it as well as after it: half
 * a line of other code can't swallow one of ours. Empty lines are skipped.
 */
export class Wire {
  /** Settles when the pipe has ended and all its lines were handed on. */
  readonly closed: Promise<void>
  /** The longest line, in characters, that the other side may send; one that is longer ends the pipe. */
  longestLine: number
  readonly #pipe: Duplex | null
  readonly #onLine: (line: string) => void
  #rest = ''

  /** @param pipe null where the child could not be spawned: nothing arrives and what is sent is dropped. */
  constructor(pipe: Duplex | null, onLine: (line: string) => void, longestLine: number) {
    this.#pipe = pipe
    this.#onLine = onLine
    this.longestLine = longestLine
    this.closed = pipe === null ? Promise.resolve() : whenClosed(pipe)
    pipe?.setEncoding('utf8')
    pipe?.on('data', (chunk: string) => this.#read(chunk))
  }

  /** Bytes that the other side has not taken yet. */
  get unsentBytes(): number {
    return this.#pipe?.writableLength ?? 0
  }

  /** Sends one line, which has no line break in it. Dropped once the pipe is closed. */
  send(line: string): void {
    if (this.#pipe?.writable === true) this.#pipe.write(`\n${line}\n`)
  }

  #read(chunk: string): void {
    let start = 0
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', start)) {
      const line = this.#rest + chunk.slice(start, end)
      this.#rest = ''
      start = end + 1
      if (line !== '') this.#onLine(line)
    }
    this.#rest += chunk.slice(start)
    if (this.#rest.length > this.longestLine) this.#pipe?.destroy()
  }
}

function whenClosed(pipe: Duplex): Promise<void> {
  // A write may fail because the other side has died: its exit says so, and `close` follows.
  pipe.on('error', () => {})
  return new Promise((resolve) => {
    pipe.once('close', () => resolve())
  })
}
