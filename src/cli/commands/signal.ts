/** `signal` sends a message to the handlers of runs; `signals` shows what was asked of one. */
import { type Command, Option } from 'commander'
import type { SignalEntry } from '../../client/views/audit.ts'
import type { ListOptions } from '../../client/options/pages.ts'
import type { WhoOptions } from '../../client/options/requester.ts'
import { operations } from '../../client/operations/operations.ts'
import type { SignalHandle } from '../../client/handles/signal-handle.ts'
import {
  type ErrorCode,
  type ErrorRecord,
  errorCodes,
  isCheckreinError,
} from '../../core/errors.ts'
import { tooLateCode } from '../text/answers.ts'
import { brief, dateTime, plain, style, table } from '../text/output.ts'
import { addParameters, given } from '../session/parameters.ts'
import { act, commandFor, type Session } from '../session/session.ts'
import {
  addConsent,
  agree,
  filterIn,
  filterOf,
  isPreviewed,
  targetOf,
  usage,
} from '../session/targets.ts'
import { isPause, cameOfIt, errorWords, askedWords } from '../text/words.ts'
import { jsonOf } from './enqueue.ts'

const waiting = {
  timeout: {
    kind: 'duration',
    about: 'with --wait: exit with 75 when there is no reply after this long',
  },
} as const

/** Adds `signal` and `signals`. */
export function signalCommands(program: Command): void {
  const command = addConsent(commandFor(program, 'signal'))
  command.addOption(new Option('--wait', 'wait for the reply'))
  addParameters(command, waiting)
  act(command, send)
  act(commandFor(program, 'signals'), signals)
}

/** The outcome of a signal to one run. */
interface Outcome extends Pick<SignalHandle, 'runId' | 'callId' | 'answer' | 'position'> {
  readonly reply: unknown
  /** Why there is no reply. */
  readonly error: Pick<ErrorRecord, 'code' | 'message'> | null
}

async function send(session: Session): Promise<number> {
  if (await isPreviewed(session, 'signal')) return 0
  const { ids, name, payload } = messageOf(session)
  const target = targetOf(session, ids)
  const filter = filterIn(target)
  const value = await jsonOf(payload, 'payload')
  const options = given(operations.signal.options, session.options) as WhoOptions
  return session.withClient(
    async (client) => {
      if (filter !== null) await agree(session, client, { verb: 'signal', filter })
      const sent = await client.signal(target, name, value, options)
      const outcomes = await Promise.all(sent.map((one) => replyOutcome(session, one)))
      session.answer(outcomes, () =>
        outcomes.length === 0 ? ['no runs'] : outcomes.map((one) => outcomeLine(session, one)),
      )
      return exitCode(outcomes)
    },
    { isPatient: true },
  )
}

interface Words {
  readonly ids: readonly string[]
  readonly name: string
  readonly payload: string | undefined
}

/** The id comes first, unless options say which runs are meant. */
function messageOf(session: Session): Words {
  const [words] = session.args as [string[]]
  const ids = filterOf(session) === null ? words.slice(0, 1) : []
  const [name, payload, ...others] = words.slice(ids.length)
  if (name === undefined)
    throw usage('No signal is named', `For example: ${operations.signal.example}`)
  if (others.length > 0) throw usage('There are too many words', 'Quote the payload for the shell.')
  return { ids, name, payload }
}

async function replyOutcome(session: Session, handle: SignalHandle): Promise<Outcome> {
  const { runId, callId, answer, position } = handle
  const outcome = { runId, callId, answer, position, reply: undefined, error: null }
  if (session.options['wait'] !== true || answer !== 'sent') return outcome
  const { timeout } = given(waiting, session.options) as { timeout?: number }
  try {
    return { ...outcome, reply: await handle.reply(timeout === undefined ? {} : { timeout }) }
  } catch (error) {
    if (!isCheckreinError(error) || !(error.code in replyCodes)) throw error
    return { ...outcome, error: { code: error.code, message: error.message } }
  }
}

const replyCodes: Readonly<Partial<Record<ErrorCode, true>>> = {
  SIGNAL_FAILED: true,
  SIGNAL_REJECTED: true,
  SIGNAL_TIMEOUT: true,
  SIGNAL_UNHEARD: true,
}

function outcomeLine(session: Session, { runId, answer, reply, error }: Outcome): string {
  const name = runId === null ? '(no run holds the key)' : plain(runId)
  if (error !== null) return `${name}  ${style('yellow', errorWords(error))}`
  if (answer !== 'sent') return `${name}  ${style('yellow', answer)}`
  if (session.options['wait'] !== true) return `${name}  ${style('green', answer)}`
  return `${name}  ${style('green', 'replied')}  ${reply === undefined ? '' : brief(reply, 2000)}`.trimEnd()
}

/** The worst of the outcomes, as a script would see it. */
function exitCode(outcomes: readonly Outcome[]): number {
  const codes = new Set<unknown>(outcomes.map(({ error }) => error?.code))
  const answers = new Set(outcomes.map(({ answer }) => answer))
  if (codes.has('SIGNAL_TIMEOUT')) return errorCodes.SIGNAL_TIMEOUT.exit
  if (answers.has('not-found')) return errorCodes.RUN_NOT_FOUND.exit
  if (codes.has('SIGNAL_REJECTED')) return errorCodes.SIGNAL_REJECTED.exit
  if (codes.has('SIGNAL_UNHEARD') || answers.has('too-late')) return tooLateCode
  return codes.has('SIGNAL_FAILED') ? errorCodes.SIGNAL_FAILED.exit : 0
}

async function signals(session: Session): Promise<void> {
  const [id] = session.args as [string]
  const options = given(operations.signals.options, session.options) as ListOptions
  const { page, isFrozen } = await session.withClient(async (client) => ({
    page: await client.signals(id, { limit: 1000, ...options }),
    isFrozen: (await client.get(id))?.status === 'frozen',
  }))
  session.answer(page, () => {
    const { entries, cursor } = page
    if (entries.length === 0) return ['nothing was asked of it']
    const rows = entries.map((entry) => row(entry, isFrozen))
    const more = cursor === null ? [] : [style('dim', `more: the same with --cursor ${cursor}`)]
    return [...table(['AT', 'KIND', 'WHAT', 'BY', 'REASON', 'CAME TO'], rows), ...more]
  })
}

/** @param isFrozen whether the run is: that is what a pause of it which is not over has come to. */
function row(entry: SignalEntry, isFrozen: boolean): string[] {
  const { createdAt, completedAt, kind, name, by, reason } = entry
  const isFreeze = isFrozen && kind === 'control' && isPause(name) && completedAt === null
  return [
    dateTime(createdAt),
    kind,
    askedWords(entry),
    plain(by ?? ''),
    plain(reason ?? ''),
    isFreeze ? 'frozen' : cameOfIt(entry),
  ]
}
