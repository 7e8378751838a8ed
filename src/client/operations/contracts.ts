/**
 * The schema of each operation's input and of its answer: for validation as Standard Schema says it, for documents as JSON Schema.
 *
 * The input of an operation is one object: the members that say what it is about (`schemas/subjects.ts`), and its options. Other
 * members are refused. A stream has the schema of one of its entries.
 */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { CheckreinError } from '../../core/errors.ts'
import { answers } from '../schemas/answers.ts'
import { object } from '../schemas/shapes.ts'
import { exclusiveIn, type Given, membersOf } from '../schemas/parameters.ts'
import {
  type Definitions,
  jsonDocument,
  type JsonSchema,
  Reading,
  type Schema,
} from '../schemas/schema.ts'
import { subjectMembers } from '../schemas/subjects.ts'
import type { Operation } from './operation.ts'
import { type OperationName, operations } from './operations.ts'

type Row<Name extends OperationName> = (typeof operations)[Name]

type IsOptional<Member> = Member extends { readonly optional: unknown } ? true : false
type ValueOf<Member> = Member extends { readonly optional: Schema<infer Value> }
  ? Value
  : Member extends Schema<infer Value>
    ? Value
    : never
type Whole<Members> = {
  readonly [
    Name in keyof Members as IsOptional<Members[Name]> extends true ? never : Name
  ]: ValueOf<Members[Name]>
} & {
  readonly [
    Name in keyof Members as IsOptional<Members[Name]> extends true ? Name : never
  ]?: ValueOf<Members[Name]>
}

/** The input of an operation, as the client understands it: instants are epoch ms or a `Date`. */
export type OperationInput<Name extends OperationName> = Whole<
  (typeof subjectMembers)[Row<Name>['subject']]
> &
  Given<Row<Name>['options']>

/** The answer of an operation, as the client gives it. */
export type OperationAnswer<Name extends OperationName> = ValueOf<
  (typeof answers)[Row<Name>['answers']]
>

/** A schema at a border: `validate` takes what came in as JSON, `write` makes what goes out as JSON. */
export interface Contract<Value> extends StandardSchemaV1<unknown, Value> {
  readonly '~standard': StandardSchemaV1.Props<unknown, Value> &
    StandardJSONSchemaV1.Props<unknown, Value>
  /** Makes the form of a value that JSON holds; instants become ISO 8601. */
  write(value: Value): unknown
  /** Writes the JSON Schema as a part of a larger document, which keeps the named schemas that it refers to. */
  describe(definitions: Definitions): JsonSchema
}

/** The schema of an operation's input. */
export function inputSchema<Name extends OperationName>(
  name: Name,
): Contract<OperationInput<Name>> {
  const { subject, options }: Operation = operations[name]
  const schema = object<object>(
    { ...subjectMembers[subject], ...membersOf(options) },
    { isClosed: true, exclusive: exclusiveIn(options) },
  )
  return contractOf(schema as unknown as Schema<OperationInput<Name>>)
}

/** The schema of an operation's answer; of one entry, where the answer is a stream. */
export function outputSchema<Name extends OperationName>(
  name: Name,
): Contract<OperationAnswer<Name>> {
  const { answers: answer } = operations[name]
  return contractOf(answers[answer] as unknown as Schema<OperationAnswer<Name>>)
}

function contractOf<Value>(schema: Schema<Value>): Contract<Value> {
  const document = ({ target }: StandardJSONSchemaV1.Options): Record<string, unknown> => {
    if (target === 'draft-2020-12') return { ...jsonDocument(schema) }
    throw new CheckreinError('USAGE', {
      message: `There is no JSON Schema of the dialect ${target}`,
    })
  }
  return {
    '~standard': {
      version: 1,
      vendor: 'checkrein',
      validate: (value) => {
        const reading = new Reading()
        const read = schema.read(value, reading)
        return reading.issues.length === 0 ? { value: read } : { issues: reading.issues }
      },
      jsonSchema: { input: document, output: document },
    },
    write: (value) => schema.write(value),
    describe: (definitions) => schema.json(definitions),
  }
}
