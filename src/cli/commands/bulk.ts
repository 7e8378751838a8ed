/** `bulk`: shows how far verbs on filters are. The bulk operations of a hold, or of its lifting, are found by the hold's id. */
import { callerOf } from '../../core/run/call-ids.ts'
import { setTimeout as pause } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import type { WhoOptions } from '../../client/options/requester.ts'
import type { Client } from '../../client/client.ts'
import { operations } from '../../client/operations/operations.ts'
import { durationMs } from '../../core/duration.ts'
import { CheckreinError, errorCodes } from '../../core/errors.ts'
import type { Bulk } from '../../store/store.ts'
import { filterWords } from '../text/hold-words.ts'
import { bar } from '../text/live.ts'
import { dateTime, plain, table } from '../text/output.ts'
import { addParameters, given } from '../session/parameters.ts'
import { act, commandFor, type Session, withExample } from '../session/session.ts'
import { usage } from '../session/targets.ts'
import { tooLateCode } from '../text/answers.ts'
import { ago, whoAndWhy } from '../text/words.ts'

const waiting = {
  timeout: {
    kind: 'duration',
    about: 'with --wait: exit with 75 when it is not done after this long',
  },
} as const

const lookEveryMs = 250

/** Adds `bulk`. */
export function bulkCommand(program: Command): void {
  const command = commandFor(program, 'bulk').addOption(
    new Option('--wait', 'wait until all of it is done'),
  )
  addParameters(command, waiting)
  command.addOption(new Option('--abort', 'end it before it is through; what was done stays'))
  addParameters(command, operations.abortBulk.options)
  act(withExample(command, operations.bulks.example), bulk)
}

async function bulk(session: Session): Promise<number> {
  const [id] = session.args as [string?]
  const isWaiting = session.options['wait'] === true
  if (session.options['abort'] === true) return abort(session, id)
  if (id !== undefined) return show(session, id, isWaiting)
  if (isWaiting) throw usage('--wait is for one verb on a filter', 'Give its id.')
  const bulks = await session.withClient((client) => client.bulks())
  session.answer(bulks, () => {
    if (bulks.length === 0) return ['no verbs on filters']
    return table(
      ['ID', 'VERB', 'DONE', 'OF', 'ASKED', 'BY', 'FILTER'],
      bulks.map((one) => row(one, session.now())),
    )
  })
  return 0
}

/** Exit 3 where it was through already. */
async function abort(session: Session, id: string | undefined): Promise<number> {
  if (id === undefined) throw usage('--abort is for one verb on a filter', 'Give its id.')
  const options = given(operations.abortBulk.options, session.options) as WhoOptions
  const one = await session.withClient((client) => client.abortBulk(id, options))
  if (one === null) throw noSuch(id)
  session.answer(one, () => bulkLines(one, session.now()))
  return one.aborted === null ? tooLateCode : 0
}

async function show(session: Session, id: string, isWaiting: boolean): Promise<number> {
  const { timeout } = given(waiting, session.options) as { timeout?: number }
  const endsAt =
    performance.now() + (timeout === undefined ? Infinity : durationMs(timeout, 'timeout'))
  const found = await session.withClient(
    async (client) => {
      for (;;) {
        const now = await find(client, id)
        if (!isWaiting || now.every(isDone) || performance.now() >= endsAt) return now
        await pause(lookEveryMs)
      }
    },
    { isPatient: isWaiting },
  )
  const isOfHold = found.some(({ callId }) => callId !== id)
  session.answer(isOfHold ? found : found[0], () =>
    found.flatMap((one) => bulkLines(one, session.now())),
  )
  return isWaiting && !found.every(isDone) ? errorCodes.STOP_PENDING.exit : 0
}

const isDone = ({ finishedAt }: Bulk): boolean => finishedAt !== null

/** That of the call; or those of a hold, of which only the newest are known. @throws {CheckreinError} `RUN_NOT_FOUND`. */
async function find(client: Client, id: string): Promise<readonly Bulk[]> {
  const exact = await client.bulk(id)
  if (exact !== null) return [exact]
  const ofHold = (await client.bulks()).filter(({ callId }) => callerOf(callId).id === id)
  if (ofHold.length > 0) return ofHold
  throw noSuch(id)
}

const noSuch = (id: string): CheckreinError =>
  new CheckreinError('RUN_NOT_FOUND', {
    message: `There is no verb on a filter with the id ${id}`,
  })

/** The id of what asked for it; a hold asks for several things. */
const idOf = ({ callId }: Bulk): string => plain(callerOf(callId).id)

/** The verb, and what asked for it where it was not a call by hand. */
function verbOf({ callId, verb }: Bulk): string {
  const { kind } = callerOf(callId)
  return kind === 'call' ? verb : `${verb} (${kind})`
}

function row(one: Bulk, now: number): string[] {
  const { doneCount, totalCount, createdAt, finishedAt, by, filter } = one
  const done = finishedAt === null || doneCount < totalCount ? String(doneCount) : 'all'
  return [
    idOf(one),
    verbOf(one),
    done,
    String(totalCount),
    ago(createdAt, now),
    plain(by ?? ''),
    filterWords(filter),
  ]
}

/** @param now the store's time. */
export function bulkLines(one: Bulk, now: number): string[] {
  const { filter, by, reason, createdAt, finishedAt, totalCount, doneCount, counts, aborted } = one
  const isThrough = finishedAt !== null && aborted === null
  const fraction = isThrough || totalCount === 0 ? 1 : doneCount / totalCount
  const answered = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const changed = isThrough ? totalCount - answered : 0
  const facts: [string, string | null][] = [
    ['filter', filterWords(filter)],
    ['by', by === null ? null : plain(by)],
    ['reason', reason === null ? null : plain(reason)],
    ['asked', `${dateTime(createdAt)}, ${ago(createdAt, now)}`],
    ['finished', isThrough && finishedAt !== null ? dateTime(finishedAt) : null],
    ['aborted', aborted && `${dateTime(aborted.at)}${whoAndWhy(aborted)}`],
    ...Object.entries(counts).map(([answer, count]): [string, string] => [answer, String(count)]),
    ['left alone', changed <= 0 ? null : `${changed} had changed meanwhile`],
  ]
  return [
    `${verbOf(one)}  ${bar(Math.min(1, fraction))} ${doneCount} of ${totalCount}`,
    ...facts.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(18)}${value}`])),
  ]
}
