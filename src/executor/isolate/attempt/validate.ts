import type { StandardSchemaV1 } from '@standard-schema/spec'

/** Where a value does not fit, and why. */
export interface SchemaIssue {
  readonly message: string
  readonly path: readonly string[]
}

export type Validated =
  | { readonly isValid: true; readonly value: unknown }
  | { readonly isValid: false; readonly issues: readonly SchemaIssue[] }

const mostIssues = 20

/** A value as its schema makes it, or what is wrong with it. */
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
