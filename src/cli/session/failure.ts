/** How a command that did not work out tells so: on standard error, with an exit code, and without a stack. */
import { CommanderError } from 'commander'
import { CheckreinError, errorCodes, isCheckreinError } from '../../core/errors.ts'
import { plain } from '../text/output.ts'

/** Reports what was thrown, and gives the exit code. */
export function report(thrown: unknown, isJson: boolean): number {
  const error = failureOf(thrown)
  if (error === null) return 0
  // A message may be that of a handler, or quote the words of others.
  const lines = isJson
    ? [JSON.stringify({ error })]
    : [`error ${error.code}: ${plain(error.message)}`]
  if (!isJson && error.hint !== undefined) lines.push(`hint: ${plain(error.hint)}`)
  if (process.env['CHECKREIN_DEBUG']) lines.push(...stackOf(thrown).split('\n').map(plain))
  process.stderr.write(`${lines.join('\n')}\n`)
  return errorCodes[error.code]?.exit ?? errorCodes.INTERNAL.exit
}

/** Makes an error of ours of anything that was thrown; null where nothing went wrong, because help or the version was asked for. */
export function failureOf(thrown: unknown): CheckreinError | null {
  if (isCheckreinError(thrown)) return thrown
  if (thrown instanceof CommanderError) return asUsage(thrown)
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  const hint =
    'This is a defect of Checkrein, please report it; CHECKREIN_DEBUG=1 shows where it happened.'
  return new CheckreinError('INTERNAL', { message: firstLine(message), hint, cause: thrown })
}

function asUsage({ exitCode, code, message }: CommanderError): CheckreinError | null {
  if (exitCode === 0) return null
  if (code === 'commander.help')
    return new CheckreinError('USAGE', { message: 'No command was given' })
  const [what = '', suggestion] = message.replace(/^error: /, '').split('\n')
  const hint =
    suggestion?.replace(/^\((.*)\)$/, '$1') ??
    '`checkrein --help` and `checkrein <command> --help` show what there is.'
  return new CheckreinError('USAGE', { message: what, hint })
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text
}

function stackOf(thrown: unknown): string {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : ''
  const cause =
    thrown instanceof Error && thrown.cause instanceof Error
      ? `\ncaused by ${thrown.cause.stack}`
      : ''
  return `${stack}${cause}`
}
