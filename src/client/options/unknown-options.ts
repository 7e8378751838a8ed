/** Options that a call does not have: a mistyped one must not be passed over. */
import { CheckreinError, shown } from '../../core/errors.ts'

/**
 * Refuses options that a call does not have.
 * @param call how the call is named in the error.
 * @param known the names of the options that the call has, or an object that has them.
 * @throws {CheckreinError} `USAGE`.
 */
export function refuseUnknownOptions(
  call: string,
  options: object,
  known: readonly string[] | Readonly<Record<string, unknown>>,
): void {
  const names = isList(known) ? known : Object.keys(known)
  if (typeof options !== 'object' || (options as object | null) === null)
    throw new CheckreinError('USAGE', {
      message: `the options of ${call} must be an object`,
      hint: optionsHint(names),
    })
  for (const name in options) {
    if (names.includes(name) || isEverywhere(name, options)) continue
    throw new CheckreinError('USAGE', {
      message: `${call} has no option ${shown(name)}`,
      hint: optionsHint(names),
    })
  }
}

/** Old libraries give members to each object there is. */
function isEverywhere(name: string, options: object): boolean {
  return Object.hasOwn(Object.prototype, name) && !Object.hasOwn(options, name)
}

function isList(known: readonly string[] | object): known is readonly string[] {
  return Array.isArray(known)
}

const optionsHint = (names: readonly string[]): string =>
  names.length === 0 ? 'It has none.' : `Options: ${names.join(', ')}.`
