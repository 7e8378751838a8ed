import type { StandardSchemaV1 } from '@standard-schema/spec'
import { shown } from '../errors.ts'
import { isRecord } from '../is-record.ts'

/** A reason why a value does not fit its schema, and the path to the part that does not. */
export interface SchemaIssue {
  readonly message: string
  readonly path: readonly string[]
}

/** The outcome of a validation. */
export type Validated =
  | { readonly isValid: true; readonly value: unknown }
  | { readonly isValid: false; readonly issues: readonly SchemaIssue[] }

const mostIssues = 20

const noWords = 'it does not fit'

/**
 * Validates a value by its schema: gives the value as the schema makes it, or the first 20 issues. A caller and the worker must come to the
 * same, whatever the schema answers, so both ask here.
 * @throws {TypeError} where the schema answers with nothing; what it throws itself.
 */
export async function validate(schema: StandardSchemaV1, value: unknown): Promise<Validated> {
  const checked: unknown = await schema['~standard'].validate(value)
  if (!isRecord(checked))
    throw new TypeError(`a schema answered ${shown(checked)}, and neither a value nor issues`)
  const { issues } = checked
  if (issues === undefined || issues === null) return { isValid: true, value: checked['value'] }
  const all = isIterable(issues) ? Array.from(issues) : [issues]
  const first = all.length === 0 ? [{}] : all.slice(0, mostIssues)
  return { isValid: false, issues: first.map(issueOf) }
}

const isIterable = (value: unknown): value is Iterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.iterator in value

function issueOf(issue: unknown): SchemaIssue {
  const { message, path } = isRecord(issue) ? issue : { message: issue, path: null }
  return {
    message: typeof message === 'string' ? message : noWords,
    path: Array.isArray(path)
      ? path.map((step) => String(isRecord(step) ? step['key'] : step))
      : [],
  }
}

/** The first issue, as it stands in the message of an error. */
export function firstIssue([first]: readonly SchemaIssue[]): string {
  return [first?.path.join('.') ?? '', first?.message ?? ''].filter(Boolean).join(' ')
}
