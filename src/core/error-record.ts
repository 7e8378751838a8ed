/**
 * How anything that was thrown becomes the record that is stored.
 *
 * A handler may throw whatever it likes: an error of another realm, a plain object with a message, a proxy that refuses to be read.
 * So each member is read by itself, and one that can't be read costs no other.
 */
import { type ErrorRecord, isCheckreinError, shown } from './errors.ts'
import { isDeeper } from './json-depth.ts'

const mostCauses = 4
const mostParts = 8
/** How many levels of errors within errors are kept. */
const mostPartLevels = 2

/** Any thrown value as a record: never throws itself, whatever was thrown. */
export function errorRecord(thrown: unknown): ErrorRecord {
  return recordOf(thrown, [])
}

/** @param above the errors whose cause or part it is, so that a circle of them ends. */
function recordOf(thrown: unknown, above: readonly unknown[]): ErrorRecord {
  if (!isErrorLike(thrown)) return { name: 'Error', message: textOf(thrown), code: 'HANDLER_THREW' }
  const seen = [...above, thrown]
  const hint = member(thrown, 'hint')
  const stack = member(thrown, 'stack')
  const parts = partsOf(thrown, seen)
  return {
    name: nameOf(thrown),
    message: messageOf(thrown, parts),
    code: codeOf(thrown),
    ...(typeof hint === 'string' ? { hint } : {}),
    ...(typeof stack === 'string' ? { stack } : {}),
    ...(isCheckreinError(thrown) ? { details: storable(member(thrown, 'details')) } : {}),
    ...causeOf(thrown, seen),
    ...(parts.length > 0 ? { errors: parts } : {}),
  }
}

/** Errors, those of other realms too, and objects that have at least a message. */
function isErrorLike(thrown: unknown): thrown is object {
  if (typeof thrown !== 'object' || thrown === null) return false
  try {
    if (thrown instanceof Error) return true
  } catch {
    // A proxy that does not tell its ancestors may still have a message.
  }
  return typeof member(thrown, 'message') === 'string'
}

function member(of: object, name: string): unknown {
  try {
    return Reflect.get(of, name)
  } catch {
    return undefined
  }
}

/** Its name; where its class gave it none, that of the class. */
function nameOf(thrown: object): string {
  const name = member(thrown, 'name')
  if (typeof name === 'string' && name !== '' && name !== 'Error') return name
  const maker = member(thrown, 'constructor')
  const made = typeof maker === 'function' ? member(maker, 'name') : undefined
  return typeof made === 'string' && made !== '' && made !== 'Object' ? made : 'Error'
}

/** Its message; where it has none of its own (as when each address of a host refuses), those of its parts. */
function messageOf(thrown: object, parts: readonly ErrorRecord[]): string {
  const message = member(thrown, 'message')
  if (message === '') return parts.map((part) => part.message).join('; ')
  return typeof message === 'string' ? message : 'its message cannot be read'
}

/** A number counts only where the error itself has it: each DOMException inherits one that says nothing. */
function codeOf(thrown: object): string {
  const code = member(thrown, 'code')
  if (typeof code === 'string' && code !== '') return code
  return typeof code === 'number' && hasOwn(thrown, 'code') ? String(code) : 'HANDLER_THREW'
}

function hasOwn(of: object, name: string): boolean {
  try {
    return Object.hasOwn(of, name)
  } catch {
    return false
  }
}

function causeOf(thrown: object, seen: readonly unknown[]): Pick<ErrorRecord, 'cause'> {
  const cause = member(thrown, 'cause')
  if (cause === undefined || seen.length > mostCauses || seen.includes(cause)) return {}
  return { cause: recordOf(cause, seen) }
}

/** The parts of an `AggregateError` and of a `SuppressedError`, and of others that are made in the same way. */
function partsOf(thrown: object, seen: readonly unknown[]): ErrorRecord[] {
  if (seen.length > mostPartLevels) return []
  const parts = nameOf(thrown) === 'SuppressedError' ? suppressedOf(thrown) : listed(thrown)
  return parts.filter((part) => !seen.includes(part)).map((part) => recordOf(part, seen))
}

const suppressedOf = (thrown: object): unknown[] => [
  member(thrown, 'error'),
  member(thrown, 'suppressed'),
]

function listed(thrown: object): unknown[] {
  try {
    const errors = member(thrown, 'errors')
    return Array.isArray(errors) ? Array.from(errors.slice(0, mostParts) as unknown[]) : []
  } catch {
    return []
  }
}

/** The text of a thrown value that is no error. */
function textOf(thrown: unknown): string {
  try {
    const text = String(thrown)
    if (typeof thrown !== 'object' || !text.startsWith('[object ')) return text
    const json = JSON.stringify(thrown)
    return json === '{}' || isDeeper(json) ? text : json
  } catch {
    return 'a value was thrown that cannot be described'
  }
}

/** Details as JSON would keep them; each that has no JSON form as text. */
function storable(details: unknown): Record<string, unknown> {
  try {
    const entries = Object.entries(details as object).filter(([, value]) => value !== undefined)
    return Object.fromEntries(
      entries.map(([name, value]) => [name, JSON.parse(jsonOf(value)) as unknown]),
    )
  } catch {
    return {}
  }
}

const tooDeepToKeep = JSON.stringify('it is nested too deep to be kept')

function jsonOf(value: unknown): string {
  try {
    const text = JSON.stringify(value) ?? JSON.stringify(typeof value)
    return isDeeper(text) ? tooDeepToKeep : text
  } catch {
    return JSON.stringify(shown(value))
  }
}
