/** `docs/errors.md`, from the table of error codes. */
import { errorCodes, type ErrorEntry } from '../src/core/errors.ts'

export function errorsDocument(): string {
  const rows = Object.entries(errorCodes).map(([code, entry]) => row(code, entry))
  return `# Errors

Generated from \`src/core/errors.ts\` by \`npm run generate\`.

Every error that Checkrein raises is a \`CheckreinError\`. It has a \`code\`, a \`message\`, \`details\`, and mostly a \`hint\` that says what to
do about it. Programs tell errors apart by the code: the message may be more exact than the one below, and may change.

\`\`\`js
import { isCheckreinError } from 'checkrein'

try {
  await reins.enqueue(shrink, { path: 7 })
} catch (error) {
  if (!isCheckreinError(error)) throw error
  console.error(error.code, error.message, error.hint, error.details)   // INPUT_REJECTED …
}
\`\`\`

- A run that failed has an \`error\` with one of these codes, or with the \`code\` of the error that its handler threw (\`ENOENT\`).
- *May pass* means that the same call may succeed later, unchanged. \`error.isRetryable\` says the same in a program.
- *Exit* is the exit code of the command line, after \`sysexits.h\` ([cli.md](cli.md#exit-codes)). *HTTP* is the status that an HTTP interface answers
  with; that interface is not built yet.

| code | means | exit | HTTP | may pass |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`
}

function row(code: string, { message, exit, http, isRetryable }: ErrorEntry): string {
  return `| \`${code}\` | ${message} | ${exit} | ${http} | ${isRetryable ? 'yes' : ''} |`
}
