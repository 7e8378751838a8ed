/** The schemas of what operations may be told, from the one description of it in `options/parameters.ts`. */
import type { Duration } from '../../core/duration.ts'
import type { Parameter, Parameters, ValueKind } from '../options/parameter.ts'
import {
  described,
  duration,
  either,
  flag,
  givenInstant,
  integer,
  isText,
  moment,
  number,
  text,
  words,
} from './kinds.ts'
import { list, type Members, oneOrMany, optional, record } from './shapes.ts'
import type { Schema } from './schema.ts'

/** The type of a value of each kind, as the client takes it. */
interface Values {
  readonly text: string
  readonly texts: readonly string[]
  readonly 'whole-number': number
  readonly duration: Duration
  readonly instant: number | Date
  readonly moment: number | Date | Exclude<Duration, number>
  readonly pairs: Readonly<Record<string, string | number | boolean>>
  readonly flag: boolean
}

/** The words that a parameter takes, or any text. */
type WordOf<One extends Parameter> = One extends { readonly choices: readonly (infer Word)[] }
  ? Word
  : string

/** The type of a parameter's value. */
type ValueOf<One extends Parameter> = One extends { readonly kind: 'text' }
  ? WordOf<One>
  : One extends { readonly kind: 'texts' }
    ? readonly WordOf<One>[] | (One extends { readonly takesOne: true } ? WordOf<One> : never)
    : Values[One['kind']]

/** The type of the options that parameters describe. */
export type Given<All extends Parameters> = {
  readonly [Name in keyof All as IsRequired<All[Name], never, Name>]?: ValueOf<All[Name]>
} & { readonly [Name in keyof All as IsRequired<All[Name], Name, never>]: ValueOf<All[Name]> }

type IsRequired<One extends Parameter, Then, Else> = One extends { readonly isRequired: true }
  ? Then
  : Else

const scalar: Schema<string | number | boolean> = either(
  isText,
  text(),
  either((value) => typeof value === 'boolean', flag(), number()),
)

/** A schema whose type is not looked at any more. */
type AnySchema = Schema<unknown>

const kinds: Readonly<Record<ValueKind, (one: Parameter) => Pick<Schema<never>, 'json'>>> = {
  text: (one) => wordOf(one),
  texts: (one) => (one.takesOne ? oneOrMany(wordOf(one)) : list(wordOf(one))),
  'whole-number': ({ range }) => integer(range ? { range } : {}),
  duration,
  instant: givenInstant,
  moment,
  pairs: () => record(scalar),
  flag,
}

const wordOf = ({ choices, length }: Parameter): Schema<string> =>
  choices ? words(choices) : text(length ? { length } : {})

const schemaOf = (one: Parameter): AnySchema =>
  described(one.about, kinds[one.kind](one) as AnySchema)

/** The members of an object that has the parameters. */
export function membersOf<All extends Parameters>(parameters: All): Members<Given<All>> {
  const members = Object.entries(parameters).map(([name, one]) => [
    name,
    one.isRequired ? schemaOf(one) : optional(schemaOf(one)),
  ])
  return Object.fromEntries(members) as Members<Given<All>>
}

/** The pairs of parameters of which only one may be given. */
export function exclusiveIn(parameters: Parameters): readonly (readonly [string, string])[] {
  return Object.entries(parameters).flatMap(([name, { excludes }]) =>
    excludes === undefined || !Object.hasOwn(parameters, excludes)
      ? []
      : [[name, excludes] as const],
  )
}
