/** `docs/errors.md`, from the table of error codes. */
import { errorCodes, type ErrorEntry } from '../src/core/errors.ts'

export function errorsDocument(): string {
  const rows = Object.entries(errorCodes).map(([code, entry]) => row(code, entry))
  return `# Errors

Generated from \`src/core/errors.ts\` by \`npm run generate\`.

Every error that Checkrein raises is a \`CheckreinError\` with a \`code\`, a \`message\`, mostly a \`hint\` that says what to do, and
\`details\`. Tell them apart by the code. *May pass* means that the same call may succeed later, unchanged (\`error.isRetryable\`).
The exit code is the command line's, after \`sysexits.h\`. A run's own \`error\` has the same codes, or the \`code\` of what the handler threw.

| code | means | exit | HTTP | may pass |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`
}

function row(code: string, { message, exit, http, isRetryable }: ErrorEntry): string {
  return `| \`${code}\` | ${message} | ${exit} | ${http} | ${isRetryable ? 'yes' : ''} |`
}
