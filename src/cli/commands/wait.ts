/** `wait` and `reply`: what was asked of a run in one place is waited for in another. The exit code says which outcome it is. */
import type { Command } from 'commander'
import type { RunWaitOptions, SignalWaitOptions } from '../../client/options/options.ts'
import { operations } from '../../client/operations/operations.ts'
import type {
  RunWaited,
  SignalWaited,
  WaitOutcome,
  WorkflowWaited,
} from '../../client/waits/long-polls.ts'
import { errorCodes } from '../../core/errors.ts'
import { tooLateCode } from '../text/answers.ts'
import { brief, plain, style } from '../text/output.ts'
import { given } from '../session/parameters.ts'
import { act, commandFor, type Session } from '../session/session.ts'
import { usage } from '../session/targets.ts'
import { idIn } from '../session/workflow-target.ts'
import { cameOfIt } from '../text/words.ts'
import { endedCode } from './watch.ts'

/** Adds `wait`. */
export function waitCommands(program: Command): void {
  act(commandFor(program, 'waitForRun'), forRun)
}

/** Adds `reply`. */
export function replyCommand(program: Command): void {
  act(commandFor(program, 'waitForSignal'), forSignal)
}

/** Adds `workflow wait`. */
export function workflowWaitCommand(group: Command): void {
  act(commandFor(group, 'waitForWorkflow'), forWorkflow)
}

const patient = { isPatient: true }

async function forRun(session: Session): Promise<number> {
  const [id] = session.args as [string]
  const options = given(operations.waitForRun.options, session.options) as RunWaitOptions
  const waited = await session.withClient((client) => client.waitForRun(id, options), patient)
  const { outcome, run } = waited
  session.answer(waited, () => [`${plain(run.id)}  ${word(outcome)}  ${run.status}`])
  return endCode(waited, options)
}

async function forWorkflow(session: Session): Promise<number> {
  const options = given(operations.waitForWorkflow.options, session.options) as RunWaitOptions
  const waited = await session.withClient(
    async (client) => client.waitForWorkflow(await idIn(client, session), options),
    patient,
  )
  const { outcome, workflow } = waited
  session.answer(waited, () => [`${plain(workflow.id)}  ${word(outcome)}  ${workflow.status}`])
  return endCode(waited, options)
}

/** An end has the code of what it was; what was asked for and is confirmed is 0. */
function endCode(waited: RunWaited | WorkflowWaited, { until = 'ended' }: RunWaitOptions): number {
  if (waited.outcome !== 'reached') return waitCode(waited.outcome)
  return until === 'ended' ? endedCode(('run' in waited ? waited.run : waited.workflow).state) : 0
}

async function forSignal(session: Session): Promise<number> {
  const [id] = session.args as [string]
  const options = given(
    operations.waitForSignal.options,
    session.options,
  ) as Partial<SignalWaitOptions>
  const { callId } = options
  if (callId === undefined)
    throw usage('No signal is named', 'Give --call-id: `signals` shows it with --json.')
  const waited = await session.withClient(
    (client) => client.waitForSignal(id, { ...options, callId }),
    patient,
  )
  session.answer(waited, () => [replyLine(waited)])
  return replyCode(waited)
}

function replyLine({ outcome, signal }: SignalWaited): string {
  const reply = signal.reply === undefined ? '' : brief(signal.reply, 2000)
  const isReply = outcome === 'reached' && signal.completedAt !== null
  return `${plain(signal.runId ?? '')}  ${word(outcome)}  ${isReply ? reply : cameOfIt(signal)}`.trimEnd()
}

function replyCode({ outcome, signal }: SignalWaited): number {
  const code = signal.error?.code
  if (outcome !== 'missed' || code === undefined) return waitCode(outcome)
  if (code === 'SIGNAL_REJECTED') return errorCodes.SIGNAL_REJECTED.exit
  return code === 'SIGNAL_UNHEARD' ? tooLateCode : errorCodes.SIGNAL_FAILED.exit
}

const colours = { reached: 'green', missed: 'red', pending: 'yellow' } as const
const word = (outcome: WaitOutcome): string => style(colours[outcome], outcome)

const waitCode = (outcome: WaitOutcome): number =>
  ({ reached: 0, missed: tooLateCode, pending: errorCodes.RESULT_TIMEOUT.exit })[outcome]
