import type { Status } from '../src/index.ts'
import { paint, percent, seconds } from './format.ts'

/** A run as people see it. */
export interface Row {
  readonly name: string
  readonly status: Status
  readonly detail: string
  /** From 0 to 1; null where there is no telling. */
  readonly fraction: number | null
  /** Epoch ms. */
  readonly startedAt: number | null
  readonly finishedAt: number | null
}

/** Where the demo shows what it does. */
export interface View extends Disposable {
  /** Prints a line that stays. */
  say(line: string): void
  /** Shows how the runs are now. */
  show(rows: readonly Row[]): void
}

/** A live view on a terminal, plain lines elsewhere. */
export function openView(): View {
  return process.stdout.isTTY && process.env['TERM'] !== 'dumb' ? new LiveView() : new PlainView()
}

const hideCursor = '\u001B[?25l'
const showCursor = '\u001B[?25h'
const wrapOff = '\u001B[?7l'
const wrapOn = '\u001B[?7h'
const clearBelow = '\u001B[0J'
const up = (lines: number): string => (lines === 0 ? '' : `\u001B[${lines}F`)

const redrawMs = 100

/** Keeps the runs at the bottom, a line each, and lets what is said scroll by above them. */
class LiveView implements View {
  #rows: readonly Row[] = []
  #drawnCount = 0
  readonly #timer = setInterval(() => this.#draw(''), redrawMs)

  constructor() {
    process.stdout.write(hideCursor)
  }

  say(line: string): void {
    this.#draw(`${line}\n`)
  }

  show(rows: readonly Row[]): void {
    this.#rows = rows
  }

  #draw(said: string): void {
    const lines = this.#rows.length === 0 ? [] : ['', ...this.#rows.map(liveLine)]
    const drawn = lines.map((line) => `${line}\n`).join('')
    process.stdout.write(up(this.#drawnCount) + clearBelow + said + wrapOff + drawn + wrapOn)
    this.#drawnCount = lines.length
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#draw('')
    process.stdout.write(showCursor)
  }
}

const colours: Readonly<Partial<Record<Status, Parameters<typeof paint>[0]>>> = {
  running: 'cyan',
  pausing: 'yellow',
  paused: 'yellow',
  cancelling: 'yellow',
  unresponsive: 'magenta',
  cancelled: 'yellow',
  completed: 'green',
  failed: 'red',
}

function liveLine(row: Row): string {
  const { name, status, detail, fraction } = row
  const state = paint(colours[status] ?? 'dim', status.padEnd(10))
  return `  ${name.padEnd(12)}  ${state}  ${bar(fraction)}  ${elapsed(row).padStart(7)}  ${detail}`
}

const barLength = 20

function bar(fraction: number | null): string {
  if (fraction === null) return paint('dim', '·'.repeat(barLength))
  const filled = Math.round(fraction * barLength)
  return paint('cyan', '█'.repeat(filled)) + paint('dim', '░'.repeat(barLength - filled))
}

function elapsed({ startedAt, finishedAt }: Row): string {
  return startedAt === null ? '' : seconds(Math.max(0, (finishedAt ?? Date.now()) - startedAt))
}

const tellEveryMs = 2000

/** A line for each change of a run's status, and every two seconds for how far it is; with the time since the start. */
class PlainView implements View {
  readonly #startedAt = performance.now()
  readonly #told = new Map<string, { readonly status: Status; readonly at: number }>()

  say(line: string): void {
    console.log(line === '' ? '' : `${this.#stamp()}  ${line}`)
  }

  show(rows: readonly Row[]): void {
    for (const row of rows) if (this.#isNews(row)) this.say(plainLine(row))
  }

  #isNews({ name, status, fraction }: Row): boolean {
    const now = performance.now()
    const told = this.#told.get(name)
    const isSame = told?.status === status
    if (isSame && (fraction === null || now - told.at < tellEveryMs)) return false
    this.#told.set(name, { status, at: now })
    return !isSame || status === 'running'
  }

  #stamp(): string {
    return `[${seconds(performance.now() - this.#startedAt).padStart(6)}]`
  }

  [Symbol.dispose](): void {}
}

function plainLine({ name, status, detail, fraction }: Row): string {
  const done = fraction === null ? '' : `  ${percent(fraction).padStart(5)}`
  return `${name.padEnd(12)}  ${status.padEnd(10)}${done}  ${detail}`.trimEnd()
}
