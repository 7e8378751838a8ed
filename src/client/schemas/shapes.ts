/** The kinds of values that hold others: lists, records, objects. */
import { either } from './kinds.ts'
import type { JsonSchema, Reading, Schema } from './schema.ts'

/** A list of one kind. */
export function list<Value>(of: Schema<Value>): Schema<readonly Value[]> {
  return {
    json: (definitions) => ({ type: 'array', items: of.json(definitions) }),
    read: (outside, reading) =>
      Array.isArray(outside)
        ? outside.map((element: unknown, index) => reading.at(index, of, element))
        : reading.misfit('is not a list'),
    write: (value) => value.map((element) => of.write(element)),
  }
}

/** One, or a list of one kind. */
export const oneOrMany = <Value>(of: Schema<Value>): Schema<Value | readonly Value[]> =>
  either(Array.isArray, list(of), of)

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An object with any keys, whose values are of one kind. */
export function record<Value>(of: Schema<Value>): Schema<Readonly<Record<string, Value>>> {
  return {
    json: (definitions) => ({ type: 'object', additionalProperties: of.json(definitions) }),
    read: (outside, reading) => {
      if (!isRecord(outside)) return reading.misfit('is not an object')
      const entries = Object.entries(outside)
      return Object.fromEntries(entries.map(([name, value]) => [name, reading.at(name, of, value)]))
    },
    write: (value) =>
      Object.fromEntries(Object.entries(value).map(([name, one]) => [name, of.write(one)])),
  }
}

/** A member of an object that may be missing. */
export interface Optional<Value> {
  readonly optional: Schema<Value>
}

/** A member that may be missing. */
export const optional = <Value>(schema: Schema<Value>): Optional<Value> => ({ optional: schema })

/** A schema for each member of a type: all of them, and each of exactly its type. */
export type Members<Whole> = {
  readonly [Name in keyof Whole]-?: {} extends Pick<Whole, Name>
    ? Optional<Exclude<Whole[Name], undefined>>
    : Schema<Whole[Name]>
}

/** A member whose type is not looked at any more. */
type AnyMember = Schema<unknown> | Optional<unknown>

const schemaOf = (member: AnyMember): Schema<unknown> =>
  'optional' in member ? member.optional : member

interface ObjectForm {
  /** Whether other members are refused, as in everything that is asked; answers may grow. */
  readonly isClosed?: boolean
  /** Pairs of members of which only one may be given. */
  readonly exclusive?: readonly (readonly [one: string, other: string])[]
}

/** An object with the members of a type. */
export function object<Whole extends object>(
  members: Members<Whole>,
  { isClosed = false, exclusive = [] }: ObjectForm = {},
): Schema<Whole> {
  const entries = Object.entries(members as unknown as Readonly<Record<string, AnyMember>>)
  const needed = entries.filter(([, one]) => !('optional' in one) && !schemaOf(one).isPayload)
  const rules: JsonSchema = {
    ...(needed.length === 0 ? {} : { required: needed.map(([name]) => name) }),
    ...(isClosed ? { additionalProperties: false } : {}),
    ...(exclusive.length === 0 ? {} : { dependentSchemas: without(exclusive) }),
  }
  return {
    json: (definitions) => ({
      type: 'object',
      properties: Object.fromEntries(
        entries.map(([name, one]) => [name, schemaOf(one).json(definitions)]),
      ),
      ...rules,
    }),
    read: (outside, reading) => {
      if (!isRecord(outside)) return reading.misfit('is not an object')
      refuse(outside, reading, { known: isClosed ? members : null, exclusive })
      return Object.fromEntries(
        entries
          .filter(([name, one]) => outside[name] !== undefined || !('optional' in one))
          .map(([name, one]) => [name, reading.at(name, schemaOf(one), outside[name])]),
      ) as Whole
    },
    write: (value) => written(entries, value),
  }
}

function written(entries: readonly (readonly [string, AnyMember])[], value: object): unknown {
  const given = value as Readonly<Record<string, unknown>>
  const members = entries.filter(([name]) => given[name] !== undefined)
  return Object.fromEntries(members.map(([name, one]) => [name, schemaOf(one).write(given[name])]))
}

/** Where the one of a pair is given, the other must not be. */
const without = (
  pairs: readonly (readonly [string, string])[],
): Readonly<Record<string, JsonSchema>> =>
  Object.fromEntries(pairs.map(([one, other]) => [one, { properties: { [other]: false } }]))

function refuse(
  given: Readonly<Record<string, unknown>>,
  reading: Reading,
  { known, exclusive }: { known: object | null; exclusive: readonly (readonly [string, string])[] },
): void {
  const unknown = known ? Object.keys(given).filter((name) => !Object.hasOwn(known, name)) : []
  for (const name of unknown) reading.misfit(`has a member ${JSON.stringify(name)} that is unknown`)
  for (const [one, other] of exclusive)
    if (given[one] !== undefined && given[other] !== undefined)
      reading.misfit(`has ${one} and ${other}, of which only one may be given`)
}
