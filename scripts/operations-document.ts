/** `docs/operations.md`, from the table of operations and the schemas of their inputs and answers. */
import { inputSchema, outputSchema } from '../src/client/operations/contracts.ts'
import type { Operation } from '../src/client/operations/operation.ts'
import { operations } from '../src/client/operations/operations.ts'
import { subjects } from '../src/client/operations/subjects.ts'
import { Definitions, type JsonSchema } from '../src/client/schemas/schema.ts'

/** One name stands for all: a union of the schemas of every operation is more than the compiler wants to look at. */
type AnyName = 'get'

const rows = Object.entries<Operation>(operations) as [AnyName, Operation][]

export function operationsDocument(): string {
  const values = new Definitions()
  const inputs = rows.map(([name, row]) => section(name, row, values))
  for (const [name] of rows) outputSchema(name).describe(values)
  const named = [...values.schemas].sort(([a], [b]) => (a < b ? -1 : 1))
  return `# Operations

Generated from \`src/client/operations/\` and \`src/client/schemas/\` by \`npm run generate\`.

This page lists everything that may be asked of Checkrein. Each operation is a method of the client with the same name, and a command of
the command line. The method and the path are those of the HTTP interface, which is not built yet. The input is one JSON object; a member that
is not listed is refused.

- An *instant* is ISO 8601 in JSON (\`2026-07-28T14:00:00.000Z\`), and epoch milliseconds in a program. A request may give either.
- A *duration* is a number of milliseconds, or text with a unit: \`250ms\`, \`2s\`, \`5m\`, \`1h\`, \`7d\`.
- A member in *italics* may be left out. *Any JSON* is a value of yours, which is kept as it is.
- Besides the errors that are listed, any operation may raise those of the store: see [errors.md](errors.md).

| operation | request | command | answer |
| --- | --- | --- | --- |
${rows.map(([name, row]) => overview(name, row)).join('\n')}

${inputs.join('\n\n')}

# Values

${named.map(([name, schema]) => valueSection(name, schema)).join('\n\n')}
`
}

function overview(name: string, { method, path, command, answers, isStream }: Operation): string {
  const stream = isStream ? ', one after the other' : ''
  return `| [${name}](#${name.toLowerCase()}) | \`${method} ${path}\` | \`${command}\` | ${answerWords(answers)}${stream} |`
}

function section(name: AnyName, row: Operation, values: Definitions): string {
  const { summary, method, path, command, subject, answers, isStream, errors, example } = row
  const stream = isStream ? ', entry by entry' : ''
  const codes = errors.map((code) => `\`${code}\``).join(', ') || 'none of its own'
  return `## ${name}

${sentence(summary)} It is about ${subjects[subject].about}.

- Request: \`${method} ${path}\`
- Command: \`checkrein ${command}\`, for example \`${example}\`
- Answer: ${answerWords(answers)}${stream}
- Errors: ${codes}

${memberTable(inputSchema(name).describe(values))}`
}

/** The summary of a row begins with a verb or a noun, as a line of help does. */
const sentence = (summary: string): string =>
  `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`

/** The answers that have a schema in a file of their own, beside this page. */
const documents: Readonly<Record<string, string>> = {
  WorkflowExport: 'workflow-export.schema.json',
}

/** The name of an answer, with a link to its section or its file. */
function answerWords(answer: string): string {
  return answer
    .split(' | ')
    .map((name) => {
      const plain = name.replace('[]', '')
      const file = documents[plain]
      const link = file === undefined ? linkTo(`#/$defs/${plain}`) : `[${plain}](${file})`
      const words = plain === 'null' ? 'null' : link
      return name.endsWith('[]') ? `list of ${words}` : words
    })
    .join(' or ')
}

function valueSection(name: string, { description = '', ...schema }: JsonSchema): string {
  return `## Value: ${name}

${description}

${schema.type === 'object' ? memberTable(schema) : `The value is ${typeWords(schema)}.`}`
}

function memberTable(schema: JsonSchema): string {
  const lines = membersOf(schema).map(
    ([name, member]) =>
      `| ${name} | ${typeWords(member)} | ${(member.description ?? '').replaceAll('|', '\\|')} |`,
  )
  if (lines.length === 0) return 'The input is an empty object.'
  return ['| member | kind | about |', '| --- | --- | --- |', ...lines].join('\n')
}

/** The members of an object, with the names of those in italics that may be left out. */
function membersOf({ properties = {}, required = [] }: JsonSchema): [string, JsonSchema][] {
  return Object.entries(properties).map(([name, member]) => [
    required.includes(name) ? name : `*${name}*`,
    member || {},
  ])
}

function typeWords(schema: JsonSchema): string {
  const { $ref, anyOf, enum: choices, const: only, type, items, additionalProperties } = schema
  if ($ref !== undefined) return linkTo($ref)
  if (anyOf) return unionWords(anyOf)
  if (choices) return choices.map((choice) => `\`${choice}\``).join(', ')
  if (only !== undefined) return `\`${JSON.stringify(only)}\``
  if (type === 'array') return `list of ${typeWords(items ?? {})}`
  if (type !== 'object') return scalarWords(schema)
  return schema.properties
    ? inlineWords(schema)
    : `object of ${typeWords(additionalProperties || {})}`
}

/** A link to a value of ours, or to a schema of its own. */
function linkTo(ref: string): string {
  const name = ref.split('/').at(-1) ?? ref
  return ref.startsWith('#') ? `[${name}](#value-${name.toLowerCase()})` : `[${name}](${name})`
}

function unionWords(kinds: readonly JsonSchema[]): string {
  if (kinds.some(({ pattern }) => pattern !== undefined))
    return kinds.length === 2 ? 'duration' : 'instant or duration'
  const isInstant = kinds.some(({ format }) => format !== undefined)
  if (isInstant && kinds.some(({ type }) => type === 'integer')) return 'instant'
  const [one = '', other = ''] = kinds.map(typeWords)
  if (one === `list of ${other}`) return `one or a list of ${other}`
  return [...new Set(kinds.map(typeWords))].join(' or ')
}

const inlineWords = (schema: JsonSchema): string =>
  `object with ${membersOf(schema)
    .map(([name, member]) => `${name} (${typeWords(member)})`)
    .join(', ')}`

function scalarWords({ type, format, minimum, maximum }: JsonSchema): string {
  if (format === 'date-time') return 'instant'
  if (type === 'string') return 'text'
  if (type === 'boolean') return 'true or false'
  if (type === 'null') return 'null'
  if (type !== 'integer' && type !== 'number') return 'any JSON'
  const from = minimum === undefined ? '' : ` from ${minimum}`
  const to = maximum === undefined ? '' : ` to ${maximum}`
  return `${type === 'integer' ? 'whole number' : 'number'}${from}${to}`
}
