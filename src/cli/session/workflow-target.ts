/** Which workflow a command line means. */
import type { Command } from 'commander'
import type { Client } from '../../client/client.ts'
import { CheckreinError } from '../../core/errors.ts'
import { plain } from '../text/output.ts'
import { subjects } from '../../client/operations/subjects.ts'
import { addParameters } from './parameters.ts'
import type { Session } from './session.ts'
import { usage } from './targets.ts'

/** Adds the word and the option that name a workflow to a command that is no operation. */
export function byIdOrKey(command: Command): Command {
  const [id] = subjects.workflow.words
  return addParameters(command.argument(`[${id.name}]`, id.about), subjects.workflow.parts)
}

/** The id that is meant. @throws {CheckreinError} `USAGE`, `WORKFLOW_NOT_FOUND`. */
export async function idIn(
  client: Client,
  { args, options }: Pick<Session, 'args' | 'options'>,
): Promise<string> {
  const [id] = args as [string?]
  const { key } = options as { key?: string }
  if (id !== undefined && key !== undefined) throw usage('Give an id or --key, not both')
  if (id !== undefined) return id
  if (key === undefined) throw usage('No workflow is named', 'Give its id, or --key.')
  const [flow] = (await client.workflows({ key }, { limit: 1 })).workflows
  if (flow) return flow.id
  throw new CheckreinError('WORKFLOW_NOT_FOUND', {
    message: `There is no workflow with the key ${plain(key)}`,
  })
}
