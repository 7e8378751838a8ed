/** Text and JSON that the command line names or holds: nothing of it is changed on its way into the store. */
import { readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { CheckreinError } from '../../core/errors.ts'

/** The text of a file; `-` stands for standard input. @throws {CheckreinError} `USAGE` where it cannot be read, or is not UTF-8. */
export async function textOf(file: string): Promise<string> {
  const bytes = file === '-' ? await buffer(process.stdin) : bytesOf(file)
  try {
    // Without the mark that some editors and shells put at the head of a file.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new CheckreinError('USAGE', {
      message: `${file === '-' ? 'Standard input' : file} is not text in UTF-8`,
      hint: 'Save it as UTF-8; an UTF-16 file of PowerShell becomes one with `Out-File -Encoding utf8`.',
      cause,
    })
  }
}

function bytesOf(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CheckreinError('USAGE', { message: `${file} cannot be read: ${why}`, cause })
  }
}

/**
 * The value of JSON text.
 * @param what names it in the error.
 * @throws {CheckreinError} `USAGE` where it is not JSON, or has a number that JavaScript would make another number of.
 */
export function valueOf(json: string, what: string): unknown {
  const value = parsed(json, what)
  if (mayHaveLarge.test(json)) JSON.parse(json, refuseChanged(what))
  return value
}

function parsed(json: string, what: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const hint = `Quote it for the shell: '{"path":"/srv"}'. Text is JSON with its quotes: '"text"'.`
    throw new CheckreinError('USAGE', { message: `The ${what} is not JSON: ${why}`, hint, cause })
  }
}

/** Numbers that are exact are shorter. */
const mayHaveLarge = /\d{16}|e\+?\d{3}/i

interface Origin {
  readonly source?: string
}

const refuseChanged =
  (what: string) =>
  (_: string, value: unknown, { source = '' }: Origin = {}): unknown => {
    if (typeof value !== 'number' || isAsWritten(value, source)) return value
    throw new CheckreinError('USAGE', {
      message: `The ${what} has a number that would become another one: ${source}`,
      hint: `Write it as text: "${source}". Numbers are exact up to ${Number.MAX_SAFE_INTEGER}.`,
    })
  }

/** Whole numbers are meant to the last digit; a fraction is rounded wherever it goes. */
function isAsWritten(value: number, source: string): boolean {
  if (!Number.isFinite(value)) return false
  return Number.isSafeInteger(value) || !/^-?\d+$/.test(source) || BigInt(source) === BigInt(value)
}
