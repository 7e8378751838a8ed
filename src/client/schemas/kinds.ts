/** The kinds of plain values of which all descriptions are made: text, numbers, instants, one or the other. */
import type { Duration } from '../../core/duration.ts'
import { isInstant, parseInstant } from '../../core/instant.ts'
import type { JsonSchema, Schema } from './schema.ts'

interface TextBounds {
  /** The least and the greatest number of characters. */
  readonly length?: readonly [least: number, most: number]
}

/** Text. */
export function text({ length }: TextBounds = {}): Schema<string> {
  const [least, most] = length ?? [0, Infinity]
  const bounds = length === undefined ? {} : { minLength: least, maxLength: most }
  return {
    json: () => ({ type: 'string', ...bounds }),
    read: (outside, reading) => {
      if (typeof outside !== 'string') return reading.misfit('is not text')
      const isFitting = outside.length >= least && outside.length <= most
      return isFitting ? outside : reading.misfit(`has not ${least} to ${most} characters`)
    },
    write: (value) => value,
  }
}

/** One of the given words. An object that has them as its keys may stand for the list: then the compiler knows that none is missing. */
export function words<Word extends string>(
  known: readonly Word[] | Readonly<Record<Word, true>>,
): Schema<Word> {
  const list = Array.isArray(known) ? (known as readonly Word[]) : (Object.keys(known) as Word[])
  return {
    json: () => ({ type: 'string', enum: list }),
    read: (outside, reading) =>
      list.find((word) => word === outside) ?? reading.misfit(`is none of ${list.join(', ')}`),
    write: (value) => value,
  }
}

/** Exactly one value. */
export function literal<const Value extends string | number | boolean>(only: Value): Schema<Value> {
  return {
    json: () => ({ const: only }),
    read: (outside, reading) =>
      outside === only ? only : reading.misfit(`is not ${JSON.stringify(only)}`),
    write: (value) => value,
  }
}

interface NumberBounds {
  readonly range?: readonly [least: number, most: number]
}

function numberOf(
  type: 'integer' | 'number',
  isFitting: (value: unknown) => boolean,
  { range }: NumberBounds,
): Schema<number> {
  const [least, most] = range ?? [-Infinity, Infinity]
  const bounds = {
    ...(least === -Infinity ? {} : { minimum: least }),
    ...(most === Infinity ? {} : { maximum: most }),
  }
  return {
    json: () => ({ type, ...bounds }),
    read: (outside, reading) => {
      if (typeof outside !== 'number' || !isFitting(outside))
        return reading.misfit(type === 'integer' ? 'is not a whole number' : 'is not a number')
      const isWithin = outside >= least && outside <= most
      return isWithin ? outside : reading.misfit(`is not from ${least} to ${most}`)
    },
    write: (value) => value,
  }
}

/** A whole number. */
export const integer = (bounds: NumberBounds = {}): Schema<number> =>
  numberOf('integer', Number.isSafeInteger, bounds)

/** A whole number from 0. */
export const count = (): Schema<number> => integer({ range: [0, Infinity] })

/** A number that is not infinite. */
export const number = (bounds: NumberBounds = {}): Schema<number> =>
  numberOf('number', Number.isFinite, bounds)

/** True or false. */
export const flag = (): Schema<boolean> => ({
  json: () => ({ type: 'boolean' }),
  read: (outside, reading) =>
    typeof outside === 'boolean' ? outside : reading.misfit('is neither true nor false'),
  write: (value) => value,
})

/** Null alone. */
const nothing: Schema<null> = {
  json: () => ({ type: 'null' }),
  read: (outside, reading) => (outside === null ? null : reading.misfit('is not null')),
  write: () => null,
}

/** Any value that JSON holds, as it is: what users put in is theirs. Undefined inside is left out outside. */
export const anything = (): Schema<unknown> => ({
  json: () => ({}),
  read: (outside) => outside,
  write: (value) => value,
  isPayload: true,
})

const lastInstant = 8.64e15
const isoText = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/
const isoSchema: JsonSchema = { type: 'string', format: 'date-time' }

function isoOf(value: number | Date): string {
  const at = Number(value)
  return new Date(Math.max(-lastInstant, Math.min(at, lastInstant))).toISOString()
}

function epochOf(outside: unknown): number | null {
  return typeof outside === 'string' && isoText.test(outside) ? parseInstant(outside) : null
}

/** An instant of an answer: epoch ms inside, ISO 8601 outside. */
export const instant = (): Schema<number> => ({
  json: () => isoSchema,
  read: (outside, reading) => epochOf(outside) ?? reading.misfit('is not an instant of ISO 8601'),
  write: isoOf,
})

/** An instant that a caller gives: ISO 8601, or epoch ms; inside a number. */
export const givenInstant = (): Schema<number | Date> => ({
  json: () => ({ anyOf: [isoSchema, { type: 'integer' }] }),
  read: (outside, reading) => {
    const isEpoch = typeof outside === 'number' && Number.isSafeInteger(outside)
    if (isEpoch && isInstant(outside)) return outside
    return epochOf(outside) ?? reading.misfit('is neither an instant of ISO 8601 nor epoch ms')
  },
  write: isoOf,
})

const durationText = /^\d+(\.\d+)?(ms|s|m|h|d)$/
const durationSchema: JsonSchema = { type: 'string', pattern: durationText.source }
type DurationText = Exclude<Duration, number>

/** A duration: milliseconds, or text such as `2s`. */
export const duration = (): Schema<Duration> => ({
  json: () => ({ anyOf: [{ type: 'number', minimum: 0 }, durationSchema] }),
  read: (outside, reading) => {
    if (typeof outside === 'number' && Number.isFinite(outside) && outside >= 0) return outside
    if (typeof outside === 'string' && durationText.test(outside)) return outside as DurationText
    return reading.misfit("is neither milliseconds nor a number with a unit: '250ms', '2s', '7d'")
  },
  write: (value) => value,
})

/** An instant, or how long from now as text. */
export const moment = (): Schema<number | Date | DurationText> => ({
  json: () => ({ anyOf: [isoSchema, { type: 'integer' }, durationSchema] }),
  read: (outside, reading) => {
    if (typeof outside === 'string' && durationText.test(outside)) return outside as DurationText
    return givenInstant().read(outside, reading)
  },
  write: (value) => (typeof value === 'string' ? value : isoOf(value)),
})

/** Two kinds that one look tells apart. @param isFirst of the value, inside or outside: whether it is of the first kind. */
export function either<First, Second>(
  isFirst: (value: unknown) => boolean,
  first: Schema<First>,
  second: Schema<Second>,
): Schema<First | Second> {
  return {
    json: (definitions) => ({ anyOf: [first.json(definitions), second.json(definitions)] }),
    read: (outside, reading) =>
      isFirst(outside) ? first.read(outside, reading) : second.read(outside, reading),
    write: (value) =>
      isFirst(value) ? first.write(value as First) : second.write(value as Second),
  }
}

/** The kind, or null. */
export const nullable = <Value>(schema: Schema<Value>): Schema<Value | null> =>
  either((value) => value === null, nothing, schema)

/** The same kind with a description for people. */
export function described<Value>(about: string, schema: Schema<Value>): Schema<Value> {
  return { ...schema, json: (definitions) => ({ description: about, ...schema.json(definitions) }) }
}

/** Whether a value is text. */
export const isText = (value: unknown): value is string => typeof value === 'string'
