/** Which workflow a command line means. */
import { type Command, Option } from 'commander'
import type { Client } from '../../client/client.ts'
import { CheckreinError } from '../../core/errors.ts'
import { plain } from '../text/output.ts'
import type { Session } from './session.ts'
import { usage } from './targets.ts'

export function byIdOrKey(command: Command): Command {
  return command
    .argument('[id]', 'id of the workflow')
    .addOption(new Option('--key <text>', 'in the place of the id: the newest that has this key'))
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
