import type { StandardSchemaV1 } from '@standard-schema/spec'

/** One defect that a schema found in a value. */
export interface Issue {
  readonly path: string
  readonly message: string
}

const mostIssues = 20

/** The first that a schema finds wrong with a value; none where it fits. */
export async function issuesOf(
  schema: StandardSchemaV1,
  value: unknown,
): Promise<readonly Issue[]> {
  const { issues } = await schema['~standard'].validate(value)
  return (issues ?? []).slice(0, mostIssues).map(({ message, path = [] }) => ({
    path: path.map((step) => String(typeof step === 'object' ? step.key : step)).join('.'),
    message,
  }))
}

/** The first issue on one line. */
export function issueWords([first]: readonly Issue[]): string {
  return `${first?.path ? `${first.path}: ` : ''}${first?.message}`
}
