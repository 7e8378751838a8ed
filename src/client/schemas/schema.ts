/**
 * Descriptions of values, from which a border reads all that it needs: the JSON Schema (2020-12) that others see, the check of a
 * value that comes in, and the form in which an answer goes out.
 *
 *     inside   { createdAt: 1785247200000, result: undefined }        what the client takes and answers
 *     outside  { "createdAt": "2026-07-28T14:00:00.000Z" }            what JSON holds: `write` makes it, `read` takes it back
 *
 * Why this is not zod, which is at hand for tests: the options of the operations are described once already, for the command line
 * (`options/parameters.ts`), and a second description of them could drift from the first. The types of the answers are written
 * by hand, with their documentation; `object<Run>` does not compile where a member is missing, is too much, or has another type,
 * whereas zod infers types from schemas. One description converts in both directions, which a transforming zod schema cannot
 * say in JSON Schema. And nothing is added to what users install. Nothing that enqueues or runs tasks loads this folder.
 */

/** A JSON Schema of the dialect 2020-12, as far as it is used here. */
export interface JsonSchema {
  readonly $schema?: string
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  readonly $ref?: string
  readonly description?: string
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'null' | 'array' | 'object'
  readonly const?: string | number | boolean
  readonly enum?: readonly string[]
  readonly anyOf?: readonly JsonSchema[]
  readonly format?: 'date-time'
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: JsonSchema
  readonly properties?: Readonly<Record<string, JsonSchema | false>>
  readonly required?: readonly string[]
  readonly additionalProperties?: JsonSchema | false
  readonly dependentSchemas?: Readonly<Record<string, JsonSchema>>
}

/** The description of one kind of value. It is invariant: a `Schema<A>` is a `Schema<B>` only where `A` and `B` are the same type. */
export interface Schema<Value> {
  /** Writes the JSON Schema of the form outside; named parts of it go to the definitions. */
  readonly json: (definitions: Definitions) => JsonSchema
  /** Takes the form outside, and adds to `reading.issues` where it does not fit; the value counts only where there are none. */
  readonly read: (outside: unknown, reading: Reading) => Value
  /** Makes the form outside: data for `JSON.stringify`. */
  readonly write: (value: Value) => unknown
  /** Whether a member of this kind may be missing outside, because it may be undefined inside. */
  readonly isPayload?: true
}

/** Something in a value that does not fit its schema. */
export interface Misfit {
  /** The members and indexes that lead to it. */
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** One reading of a value: where it stands, and what did not fit so far. */
export class Reading {
  readonly issues: Misfit[] = []
  readonly #path: (string | number)[] = []

  /** Notes that the value here does not fit. @returns nothing that anybody looks at, in the place of the value. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- so that a read can end with it
  misfit<Value>(message: string): Value {
    this.issues.push({ path: [...this.#path], message })
    return undefined as Value
  }

  /** Reads a member or an element. */
  at<Value>(step: string | number, schema: Schema<Value>, outside: unknown): Value {
    this.#path.push(step)
    const value = schema.read(outside, this)
    this.#path.pop()
    return value
  }
}

/** The named schemas that others refer to, gathered while JSON Schemas are written. */
export class Definitions {
  readonly schemas = new Map<string, JsonSchema>()
  readonly #prefix: string

  /** @param prefix where the references point to; default `#/$defs/`, for OpenAPI `#/components/schemas/`. */
  constructor(prefix = '#/$defs/') {
    this.#prefix = prefix
  }

  /** A reference to a named schema, which is written the first time that it is met. */
  refer(name: string, write: () => JsonSchema): JsonSchema {
    if (!this.schemas.has(name)) {
      // The name stands before the schema is written, for it may refer to itself.
      this.schemas.set(name, {})
      this.schemas.set(name, write())
    }
    return { $ref: `${this.#prefix}${name}` }
  }
}

/** Gives a schema a name, under which others refer to it; `describe` is called when it is first needed, so it may refer to itself. */
export function named<Value>(
  name: string,
  about: string,
  describe: () => Schema<Value>,
): Schema<Value> {
  let made: Schema<Value> | null = null
  const schema = (): Schema<Value> => (made ??= describe())
  return {
    json: (definitions) =>
      definitions.refer(name, () => ({ description: about, ...schema().json(definitions) })),
    read: (outside, reading) => schema().read(outside, reading),
    write: (value) => schema().write(value),
  }
}

/** The dialect in which all JSON Schemas are written. */
export const dialect = 'https://json-schema.org/draft/2020-12/schema'

/** A schema as a JSON document of its own. */
export function jsonDocument(schema: Pick<Schema<never>, 'json'>): JsonSchema {
  const definitions = new Definitions()
  const body = schema.json(definitions)
  const named = Object.fromEntries(definitions.schemas)
  return { $schema: dialect, ...body, ...(definitions.schemas.size === 0 ? {} : { $defs: named }) }
}
