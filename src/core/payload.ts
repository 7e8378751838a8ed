import { parseJson, stringifyJson } from './json.ts'
import { CheckreinError } from './errors.ts'
import { deepestPayload, isDeeper } from './json-depth.ts'

/** The largest payload that is stored, in bytes of JSON, where the caller names no other. */
export const defaultPayloadLimit = 1_048_576

/**
 * A value as JSON text, or `null` for `undefined`.
 * @param what names the value in errors: `input`, `result`.
 * @throws {CheckreinError} `PAYLOAD_NOT_JSON` for cycles, BigInt, functions and symbols; `PAYLOAD_TOO_LARGE` past the limit, and where it is nested too deep.
 */
export function encodePayload(
  value: unknown,
  what: string,
  limit = defaultPayloadLimit,
): string | null {
  if (value === undefined) return null
  const text = stringify(value, what)
  if (text.length * 3 > limit) refuseLarge(new TextEncoder().encode(text).length, what, limit)
  if (isDeeper(text)) throw tooDeep(what)
  return text
}

/** The value of JSON text; undefined for `null`. @throws {SyntaxError} where the text is not JSON. */
export function decodePayload(text: string | null): unknown {
  return text === null ? undefined : parseJson(text)
}

function stringify(value: unknown, what: string): string {
  let text: string | undefined
  try {
    text = stringifyJson(value)
  } catch (cause) {
    throw notJson(
      what,
      cause instanceof Error ? cause.message.split('\n')[0] : String(cause),
      cause,
    )
  }
  if (text === undefined) throw notJson(what, `a ${typeof value} has no JSON form`)
  return text
}

function notJson(what: string, why: string | undefined, cause?: unknown): CheckreinError {
  return new CheckreinError('PAYLOAD_NOT_JSON', {
    message: `The ${what} cannot be stored as JSON: ${why}`,
    hint: 'Pass plain data without cycles, BigInt or functions; write a BigInt or a Date as text.',
    details: { what },
    cause,
  })
}

function tooDeep(what: string): CheckreinError {
  return new CheckreinError('PAYLOAD_TOO_LARGE', {
    message: `The ${what} is nested deeper than ${deepestPayload} levels`,
    hint: 'Write a list of the parts, with references between them, instead of parts within parts.',
    details: { what, levels: deepestPayload },
  })
}

/** @throws {CheckreinError} `PAYLOAD_TOO_LARGE` past the limit. */
export function refuseLarge(bytes: number, what: string, limit: number): void {
  if (bytes <= limit) return
  throw new CheckreinError('PAYLOAD_TOO_LARGE', {
    message: `The ${what} has ${bytes} bytes as JSON; the limit is ${limit}`,
    hint: 'Store large data elsewhere (a file, an object store) and pass its address, or raise the limit: `payloadLimit`, of a checkpoint `checkpointLimit` of the task.',
    details: { what, bytes, limit },
  })
}
