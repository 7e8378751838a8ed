/** The output of the command line: text for people, JSON for programs. */
import { styleText } from 'node:util'

type Format = Parameters<typeof styleText>[0]

/** Styled where standard output is a terminal that wants colours; `NO_COLOR` is respected. */
export function style(format: Format, text: string): string {
  return styleText(format, text, { stream: process.stdout })
}

/** The exit code where the output could not be written; `EX_IOERR` of `sysexits.h`. */
const lostCode = 74
/** Nobody reads any more: a pipe to `head`, a terminal that was closed. */
const isGone = ({ code }: NodeJS.ErrnoException): boolean => code === 'EPIPE' || code === 'EIO'

let isOutputLost = false

/** Says what happens when standard output takes nothing any more (`| head`, a full disk); the newest listener holds. */
export function onOutputClosed(listener: () => void): void {
  process.stdout.removeAllListeners('error')
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!isGone(error) && !isOutputLost) {
      isOutputLost = true
      writeNote(`error: the output could not be written: ${error.message}`)
    }
    listener()
  })
}

/** Ends the process with its exit code, or with 74 where some of its output was lost. */
export function exit(): never {
  if (isOutputLost) process.exitCode = lostCode
  process.exit()
}

/** Writes a line to standard output. */
export function writeLine(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** A note beside the output: not what a script reads. */
export function writeNote(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** One document. */
export function writeJson(value: unknown): void {
  writeLine(JSON.stringify(withInstants(value), null, process.stdout.isTTY ? 2 : undefined))
}

/** One line of a stream. */
export function writeJsonLine(value: unknown): void {
  writeLine(JSON.stringify(withInstants(value)))
}

/** The names of members that hold values of users: no number in them is taken for an instant. */
const theirs = new Set(
  'input result progress checkpoint payload reply filter target details tags tasks message'.split(
    ' ',
  ),
)
const isInstantName = (name: string): boolean =>
  name === 'at' || name === 'until' || /[a-z](At|Until)$/.test(name)

/** Makes the same value with ISO 8601 for epoch ms and null for `undefined`. */
export function withInstants(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withInstants)
  if (typeof value !== 'object' || value === null) return value ?? null
  const isLogLine = 'type' in value && (value.type === 'log' || value.type === 'progress')
  const entries = Object.entries(value).map(([name, inner]): [string, unknown] => {
    if (theirs.has(name) || (isLogLine && name === 'data')) return [name, inner ?? null]
    if (isInstantName(name) && typeof inner === 'number')
      return [name, new Date(inner).toISOString()]
    return [name, withInstants(inner)]
  })
  return Object.fromEntries(entries)
}

/** Control characters, and what ends a line or turns it around. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu

/** Text of others on one line, without what a terminal would obey. */
export function plain(text: string): string {
  return text
    .replaceAll(unprintable, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replaceAll('\\u000a', '\\n')
}

/** A value of others on one line, shortened. */
export function brief(value: unknown, most = 120): string {
  const text = plain(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
  return text.length > most ? `${text.slice(0, most - 1)}…` : text
}

/** Columns of text, each as wide as its widest cell; no row is wider than the terminal. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd()
  return [style('bold', clip(line(head))), ...rows.map((row) => clip(line(row)))]
}

/** A line as it fits on the terminal; whole elsewhere. */
export function clip(line: string): string {
  const columns = process.stdout.isTTY ? process.stdout.columns : Infinity
  return line.length > columns ? `${line.slice(0, columns - 1)}…` : line
}

const pad = (value: number, length = 2): string => String(value).padStart(length, '0')

/** `14:03:02.123`, local. */
export function timeOfDay(at: number): string {
  const date = new Date(at)
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => pad(part))
    .join(':')
  return `${time}.${pad(date.getMilliseconds(), 3)}`
}

/** `2026-07-28 14:03:02`, local. */
export function dateTime(at: number): string {
  const date = new Date(at)
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((part) => pad(part))
    .join('-')
  return `${day} ${timeOfDay(at).slice(0, 8)}`
}
