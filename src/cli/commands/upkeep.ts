/** `tombstones` and `prune`. */
import type { Command } from 'commander'
import { retention as kept, whoOptions } from '../../client/options/parameters.ts'
import type { WhoOptions } from '../../client/options/requester.ts'
import type { RetentionOptions } from '../../client/options/retention.ts'
import { operations } from '../../client/operations/operations.ts'
import { subjects } from '../../client/operations/subjects.ts'
import { durationMs, humanDuration } from '../../core/duration.ts'
import { CheckreinError, errorCodes } from '../../core/errors.ts'
import type { Tombstone } from '../../store/store.ts'
import { dateTime, plain, table } from '../text/output.ts'
import { addParameters, given } from '../session/parameters.ts'
import { act, commandFor, type Session, withExample } from '../session/session.ts'
import { runCount } from '../session/targets.ts'

/** Adds `tombstones` and `prune`. */
export function upkeepCommands(program: Command): void {
  const { example } = operations.liftTombstone
  const command = addParameters(commandFor(program, 'tombstones'), subjects.tombstone.parts)
  addParameters(command, operations.liftTombstone.options)
  act(withExample(command, example), tombstones)
  act(commandFor(program, 'prune'), prune)
}

async function tombstones(session: Session): Promise<number> {
  const {
    lift,
    liftKey: key,
    task,
  } = session.options as { lift?: string; liftKey?: string; task?: string }
  if (lift !== undefined) return liftOne(session, lift)
  if (key !== undefined && task !== undefined) return liftOne(session, { task, key })
  if (key !== undefined || task !== undefined) {
    throw new CheckreinError('USAGE', { message: '--lift-key and --task go together' })
  }
  const standing = await session.withClient((client) => client.tombstones())
  session.answer(standing, () => {
    if (standing.length === 0) return ['no tombstones']
    return table(['WAITS FOR', 'VERB', 'UNTIL', 'BY', 'REASON'], standing.map(row))
  })
  return 0
}

async function liftOne(
  session: Session,
  target: string | { task: string; key: string },
): Promise<number> {
  const who = given(operations.liftTombstone.options, session.options) as WhoOptions
  const wasLifted = await session.withClient((client) => client.liftTombstone(target, who))
  session.answer({ wasLifted }, () => [wasLifted ? 'lifted' : 'there was no such tombstone'])
  return wasLifted ? 0 : errorCodes.RUN_NOT_FOUND.exit
}

function row({ kind, task, value, verb, expiresAt, by, reason }: Tombstone): string[] {
  const what = kind === 'id' ? plain(value) : `${task} with key ${plain(value)}`
  return [what, verb, dateTime(expiresAt), plain(by ?? ''), plain(reason ?? '')]
}

async function prune(session: Session): Promise<void> {
  const retention = given(kept, session.options) as RetentionOptions
  const who = given(whoOptions, session.options) as WhoOptions
  if (Object.keys(retention).length === 0) {
    const hint = `For example: ${operations.prune.example}`
    throw new CheckreinError('USAGE', {
      message: 'Say how long runs are kept; nothing was deleted',
      hint,
    })
  }
  const deletedCount = await session.withClient((client) => client.prune(retention, who))
  const { audit, ...runs } = retention
  session.answer({ deletedCount }, () => [
    ...(Object.keys(runs).length === 0 ? [] : [`${runCount(deletedCount)} deleted`]),
    ...(audit === undefined ? [] : [recordWords(durationMs(audit, 'audit'))]),
  ])
}

/** How much of it that is the store does not say. */
const recordWords = (keptMs: number): string =>
  `deleted from the record: what was asked more than ${humanDuration(keptMs)} ago`
