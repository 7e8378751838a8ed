import type { StandardSchemaV1 } from '@standard-schema/spec'
import { errorRecord } from '../../core/error-record.ts'
import { CheckreinError } from '../../core/errors.ts'
import { validate } from '../../core/task/validate.ts'

/** One defect that a schema found in a value. */
export interface Issue {
  readonly path: string
  readonly message: string
}

/**
 * The first that a schema finds wrong with a value; none where it fits.
 * @throws {CheckreinError} `TASK_INVALID` where the schema itself fails.
 */
export async function issuesOf(
  schema: StandardSchemaV1,
  value: unknown,
): Promise<readonly Issue[]> {
  const checked = await validate(schema, value).catch((cause: unknown) => {
    throw new CheckreinError('TASK_INVALID', {
      message: `The schema could not check the value: ${errorRecord(cause).message}`,
      hint: 'The schema of the task has thrown, or has answered neither with a value nor with issues.',
      cause,
    })
  })
  if (checked.isValid) return []
  return checked.issues.map(({ message, path }) => ({ message, path: path.join('.') }))
}

/** The first issue on one line. */
export function issueWords([first]: readonly Issue[]): string {
  return `${first?.path ? `${first.path}: ` : ''}${first?.message}`
}
