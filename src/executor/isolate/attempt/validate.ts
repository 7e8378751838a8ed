import type { StandardSchemaV1 } from '@standard-schema/spec'

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

/** Validates a value by its schema: gives the value as the schema makes it, or the first 20 issues. */
export async function validate(schema: StandardSchemaV1, value: unknown): Promise<Validated> {
  const checked = await schema['~standard'].validate(value)
  if (checked.issues === undefined) return { isValid: true, value: checked.value }
  const issues = checked.issues
    .slice(0, mostIssues)
    .map(({ message, path }) => ({ message, path: pathOf(path) }))
  return { isValid: false, issues }
}

/** The first issue, as it stands in the message of an error. */
export function firstIssue([first]: readonly SchemaIssue[]): string {
  return [first?.path.join('.') ?? '', first?.message ?? ''].filter(Boolean).join(' ')
}

function pathOf(path: StandardSchemaV1.Issue['path']): string[] {
  return (path ?? []).map((step) => String(typeof step === 'object' ? step.key : step))
}
