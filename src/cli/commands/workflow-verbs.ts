/** The verbs on a whole workflow. `cancel`, `terminate` and `pause` wait for their outcome, as they do for a run. */
import { type Command, Option } from 'commander'
import type { WhoOptions } from '../../client/options/requester.ts'
import type { Client } from '../../client/client.ts'
import { operations } from '../../client/operations/operations.ts'
import { whoOptions } from '../../client/options/parameters.ts'
import type { WorkflowHandle } from '../../client/handles/workflow-handle.ts'
import type { Workflow } from '../../client/views/workflow-view.ts'
import { isCheckreinError } from '../../core/errors.ts'
import { type CameTo, notUndoneCode, styledAnswer, worstCode } from '../text/answers.ts'
import { plain } from '../text/output.ts'
import { addParameters, given } from '../session/parameters.ts'
import { act, commandFor, type Session } from '../session/session.ts'
import { usage } from '../session/targets.ts'
import { idIn } from '../session/workflow-target.ts'
import { workflowAnswerWords } from '../text/workflow-words.ts'
import { jsonOf } from './enqueue.ts'

const waiting = {
  timeout: { kind: 'duration', about: 'how long to wait for that; default: 30s more than it gets' },
} as const

const verbs = ['cancel', 'terminate', 'abort', 'revoke', 'pause', 'resume'] as const

type Verb = (typeof verbs)[number]

const isWaitingVerb = (verb: Verb): verb is 'cancel' | 'terminate' | 'pause' =>
  verb === 'cancel' || verb === 'terminate' || verb === 'pause'

/** Adds the verbs on a whole workflow, and `workflow signal`. */
export function workflowVerbs(group: Command): void {
  for (const verb of verbs) {
    const command = commandFor(group, `${verb}Workflow`)
    if (isWaitingVerb(verb)) {
      command.addOption(new Option('--no-wait', 'do not wait for it'))
      addParameters(command, waiting)
    }
    act(command, (session) => ask(session, verb))
  }
  act(commandFor(group, 'signalWorkflow'), send)
}

/** The outcome of a verb on a workflow: `pending` where it was not seen in time. */
interface Outcome {
  readonly id: string
  readonly answer: CameTo
  readonly workflow: Workflow | null
}

async function ask(session: Session, verb: Verb): Promise<number> {
  const outcome = await session.withClient(
    async (client) => {
      const handle = client.workflow(await idIn(client, session))
      const answer = await answerOf(session, verb, { client, handle })
      return { id: handle.id, answer, workflow: await client.getWorkflow(handle.id) }
    },
    { isPatient: true },
  )
  session.answer(outcome, () => [outcomeLine(verb, outcome)])
  return exitCode(outcome, verb)
}

interface Asked {
  readonly client: Client
  readonly handle: WorkflowHandle
}

async function answerOf(session: Session, verb: Verb, { client, handle }: Asked): Promise<CameTo> {
  const options = given(operations[`${verb}Workflow`].options, session.options)
  if (!isWaitingVerb(verb) || session.options['wait'] === false)
    return (await client[`${verb}Workflow`](handle.id, options)).answer
  const waits = { ...options, ...given(waiting, session.options) }
  try {
    if (verb === 'pause') return (await handle.pause(waits)).answer
    const { answer } = await handle[verb](waits)
    return answer === 'requested' ? 'stopped' : answer
  } catch (error) {
    const isLate = isCheckreinError(error) && ['STOP_PENDING', 'PAUSE_PENDING'].includes(error.code)
    if (isLate) return 'pending'
    throw error
  }
}

function outcomeLine(verb: Verb, { id, answer, workflow }: Outcome): string {
  const words = workflowAnswerWords(answer, { verb, workflow })
  return `${plain(id)}  ${styledAnswer(answer)}  ${words}`.trimEnd()
}

function exitCode({ answer, workflow }: Outcome, verb: Verb): number {
  const worst = worstCode([answer], verb === 'pause' ? 'PAUSE_PENDING' : 'STOP_PENDING')
  return worst === 0 && (workflow?.rollback?.failed ?? 0) > 0 ? notUndoneCode : worst
}

async function send(session: Session): Promise<number> {
  const [words] = session.args as [string[]]
  const isByKey = session.options['key'] !== undefined
  const [id, name, payload, ...more] = isByKey ? [undefined, ...words] : words
  if (name === undefined) throw usage('No signal is named')
  if (more.length > 0) throw usage('There are too many words', 'Quote the payload for the shell.')
  const value = await jsonOf(payload, 'payload')
  const options = given(whoOptions, session.options) as WhoOptions
  const sent = await session.withClient(async (client) => {
    const handle = client.workflow(await idIn(client, { args: [id], options: session.options }))
    await handle.get()
    const signals = await handle.signal(name, value, options)
    return signals.map(({ runId, callId, answer }) => ({ runId, callId, answer }))
  })
  session.answer(sent, () =>
    sent.length === 0
      ? ['no members go on']
      : sent.map(({ runId, answer }) => `${plain(runId ?? '')}  ${answer}`),
  )
  return 0
}
