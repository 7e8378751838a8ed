/** A few lines at the bottom of a terminal that are drawn again and again. */
import { stripVTControlCharacters } from 'node:util'

const hideCursor = '\u001b[?25l'
const showCursor = '\u001b[?25h'
const clearBelow = '\u001b[0J'
const clearLine = '\u001b[K'

/** Some lines of a terminal that are drawn anew in their place; the cursor is hidden until it is disposed. */
export class LiveView implements Disposable {
  #height = 0

  constructor() {
    process.stdout.write(hideCursor)
  }

  /** How many columns a line may have. */
  get columns(): number {
    return process.stdout.columns
  }

  /** How many lines fit. */
  get rows(): number {
    return process.stdout.rows - 1
  }

  draw(lines: readonly string[]): void {
    const fitting = lines.slice(0, this.rows).map((line) => fit(line, this.columns))
    const up = this.#height === 0 ? '' : `\u001b[${this.#height}A`
    process.stdout.write(
      `${up}\r${fitting.map((line) => `${line}${clearLine}\n`).join('')}${clearBelow}`,
    )
    this.#height = fitting.length
  }

  [Symbol.dispose](): void {
    process.stdout.write(showCursor)
  }
}

/** A line that is too long loses its colours along with its end. */
function fit(line: string, columns: number): string {
  const bare = stripVTControlCharacters(line)
  return bare.length > columns ? `${bare.slice(0, columns - 1)}…` : line
}

const barWidth = 30

/** `[########----------------------]` */
export function bar(fraction: number): string {
  const full = Math.round(Math.max(0, Math.min(1, fraction)) * barWidth)
  return `[${'#'.repeat(full)}${'-'.repeat(barWidth - full)}]`
}
