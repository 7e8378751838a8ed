import { readFileSync } from 'node:fs'
import { CheckreinError } from '../../core/errors.ts'

/** Reads a file that the command line names. @throws {CheckreinError} `USAGE` where it cannot be read. */
export function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CheckreinError('USAGE', { message: `${file} cannot be read: ${why}`, cause })
  }
}
