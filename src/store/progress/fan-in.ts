/** Fan-in: the results of a group as one. */
import { errorCodes } from '../../core/errors.ts'
import type { JsonText } from '../../core/run/run.ts'
import type { Cause } from '../../core/workflow/workflow.ts'
import type { OpenWorkflow } from './open-workflow.ts'
import type { NodeRow } from '../rows/workflows.ts'
import type { Row } from '../driver/sql.ts'

/** How long the results of a group may be together, in characters. */
export const largestFanIn = 16_777_216

/** The cause of a group whose results are longer together than that. */
export const tooLarge: Cause = {
  state: 'failed',
  runId: null,
  task: null,
  error: {
    name: 'CheckreinError',
    code: 'PAYLOAD_TOO_LARGE',
    message: `${errorCodes.PAYLOAD_TOO_LARGE.message}: the results of a group are more than 16 MiB together`,
    hint: 'Let its members store large results elsewhere, and return their addresses.',
  },
  stop: null,
}

/** The results of a group in the order of its members, as JSON; null where they are too large. */
export async function fanIn(
  flow: OpenWorkflow,
  { node, policy }: NodeRow,
): Promise<JsonText | null> {
  const rows = await flow.tx.run('slotsOf', [flow.facts.id, node])
  const slots = new Map<number, Row>()
  for (const row of rows)
    if (row['cause'] !== null || !slots.has(Number(row['slot'])))
      slots.set(Number(row['slot']), row)
  const texts: string[] = []
  let length = 2
  for (const row of slots.values()) {
    const text = policy === 'allSettled' ? settledText(row) : resultText(row)
    length += text.length + 1
    if (length > largestFanIn) return null
    texts.push(text)
  }
  return `[${texts.join(',')}]`
}

/** The result of a node as JSON: that of its run, or of a group those of its members. */
export const resultText = (row: Row): string =>
  String((row['run_seq'] === null ? row['result'] : row['run_result']) ?? 'null')

function settledText(row: Row): string {
  return row['cause'] === null
    ? `{"state":"completed","result":${resultText(row)}}`
    : String(row['cause'])
}
