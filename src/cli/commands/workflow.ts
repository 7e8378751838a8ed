/** `workflow …`: what may be asked of a whole workflow, by its id or its key. */
import { type Command, Option } from 'commander'
import { type OperationName, operations } from '../../client/operations/operations.ts'
import type { ListOptions, PayloadOptions } from '../../client/options/pages.ts'
import { workflowFilterParameters } from '../../client/options/parameters.ts'
import type { Workflow } from '../../client/views/workflow-view.ts'
import { isGraph } from '../../core/workflow/read-graph.ts'
import { errorCodes, isCheckreinError } from '../../core/errors.ts'
import type { WorkflowEnqueued, WorkflowFilter } from '../../store/store.ts'
import { entryWords } from '../text/entry-words.ts'
import {
  plain,
  style,
  table,
  timeOfDay,
  writeJsonLine,
  writeLine,
  writeNote,
} from '../text/output.ts'
import { addParameters, given } from '../session/parameters.ts'
import { textOf, valueOf } from '../session/text-file.ts'
import { type Action, act, commandFor, type Session, withExample } from '../session/session.ts'
import { ago } from '../text/words.ts'
import { usage } from '../session/targets.ts'
import { byIdOrKey, idIn } from '../session/workflow-target.ts'
import { treeLines } from '../text/workflow-tree.ts'
import { workflowLines, workflowWord } from '../text/workflow-words.ts'
import { jsonOf } from './enqueue.ts'
import { workflowWaitCommand } from './wait.ts'
import { workflowVerbs } from './workflow-verbs.ts'
import type { WorkflowOptions, WorkflowRetryOptions } from '../../client/options/options.ts'

const timeout = {
  timeout: { kind: 'duration', about: 'exit with 75 when it has not ended after this long' },
} as const

/** Adds `workflow` and its commands. */
export function workflowCommands(program: Command): void {
  const group = program
    .command('workflow')
    .description('show, stop, pause, retry and move workflows')
  withExample(group, operations.workflowTree.example)
  act(commandFor(group, 'workflows'), list)
  ofOne(group, 'getWorkflow', show)
  const all = new Option('--all', 'each member of large groups, too')
  ofOne(group, 'workflowTree', tree).addOption(all)
  workflowWaitCommand(group)
  workflowVerbs(group)
  ofOne(group, 'retryWorkflow', retry)
  act(commandFor(group, 'startWorkflow'), start)
  ofOne(group, 'exportWorkflow', exportRemainder)
  act(commandFor(group, 'importWorkflow'), importRemainder)
  const result = plainCommand(group, 'result', 'wait for the result of a workflow')
  act(addParameters(result, timeout), waitFor)
  const about = 'what happens to the runs of a workflow, until it has ended'
  act(plainCommand(group, 'watch', about), watch)
}

function ofOne(group: Command, name: OperationName, action: Action): Command {
  return act(commandFor(group, name), action)
}

function plainCommand(group: Command, name: string, about: string): Command {
  const command = byIdOrKey(group.command(name).description(about))
  return withExample(command, `checkrein workflow ${name} --key report:2026-07`)
}

async function list(session: Session): Promise<void> {
  const filter = given(workflowFilterParameters, session.options) as WorkflowFilter
  const page = given(operations.list.options, session.options) as ListOptions
  const document = await session.withClient((client) => client.workflows(filter, page))
  session.answer(document, () => {
    const { workflows, cursor } = document
    if (workflows.length === 0) return ['no workflows']
    const more = cursor === null ? [] : [style('dim', `more: the same with --cursor ${cursor}`)]
    const rows = workflows.map((flow) => row(flow, session.now()))
    return [...table(['ID', 'STATUS', 'DONE', 'OF', 'STARTED', 'NOTES'], rows), ...more]
  })
}

function row(flow: Workflow, now: number): string[] {
  const { completed, failed, cancelled } = flow.counts
  const notes = [
    flow.name === null ? null : plain(flow.name),
    flow.key === null ? null : `key ${plain(flow.key)}`,
    flow.failure === null ? null : `${plain(flow.failure.task ?? '')} ${flow.failure.state}`.trim(),
    ...flow.tags.map(plain),
  ].filter((note) => note !== null)
  const done = completed + failed + cancelled + flow.detached
  const counts = [String(done), String(flow.total)]
  return [plain(flow.id), flow.status, ...counts, ago(flow.createdAt, now), notes.join(' · ')]
}

async function show(session: Session): Promise<void> {
  const flow = await session.withClient(async (client) =>
    client.workflow(await idIn(client, session)).get(),
  )
  session.answer(flow, () => workflowLines(flow, session.now()))
}

async function tree(session: Session): Promise<void> {
  const { flow, parts } = await session.withClient(async (client) => {
    const handle = client.workflow(await idIn(client, session))
    const options = given(operations.workflowTree.options, session.options) as PayloadOptions
    return { flow: await handle.get(), parts: await handle.tree(options) }
  })
  session.answer({ workflow: flow, tree: parts }, () => [
    `${workflowWord(flow.status)}  ${plain(flow.id)}  ${plain(flow.name ?? flow.key ?? '')}`.trim(),
    ...treeLines(parts, { isWhole: session.options['all'] === true }),
  ])
}

async function retry(session: Session): Promise<void> {
  const options = given(operations.retryWorkflow.options, session.options) as WorkflowRetryOptions
  const enqueued = await session.withClient(async (client) =>
    client.retryWorkflow(await idIn(client, session), options),
  )
  session.answer(enqueued, () => [enqueued.id])
}

async function exportRemainder(session: Session): Promise<void> {
  const rest = await session.withClient(async (client) =>
    client.exportWorkflow(await idIn(client, session)),
  )
  // As it is: an instant in it is a number, with --json, too.
  writeLine(JSON.stringify(rest))
}

/** The id of the workflow is on standard output, for scripts. */
async function start(session: Session): Promise<void> {
  const [file, json] = session.args as [string, string?]
  const graph = valueOf(await textOf(file), 'workflow')
  if (!isGraph(graph)) throw usage(`${file} is no workflow`, whatIsGraph)
  const input = await jsonOf(json, 'input')
  const options = given(operations.startWorkflow.options, session.options) as WorkflowOptions
  const { id, enqueued } = await session.withClient(
    (client) =>
      client.startWorkflow(graph, { ...options, ...(input === undefined ? {} : { input }) }),
    { create: true, isPatient: true },
  )
  session.answer(enqueued, () => [id])
  if (!session.isJson) noteUnusual(id, enqueued)
}

/** Notes each outcome that a caller does not expect who starts a new workflow. */
function noteUnusual(id: string, enqueued: WorkflowEnqueued | null): void {
  if (enqueued?.outcome === 'exists')
    writeNote(`note: workflow ${id} was there already; nothing was started`)
  if (enqueued?.outcome === 'prevented')
    writeNote(`note: a tombstone was waiting for workflow ${id}: it is cancelled`)
  if (enqueued?.replacedId) writeNote(`note: it takes the place of workflow ${enqueued.replacedId}`)
}

const whatIsGraph = 'It is JSON with `version` and `nodes`: docs/workflow-graph.schema.json.'

async function importRemainder(session: Session): Promise<void> {
  const [file] = session.args as [string]
  const json = valueOf(await textOf(file), 'export')
  const options = given(operations.importWorkflow.options, session.options) as WorkflowOptions
  const { id, enqueued } = await session.withClient(
    (client) => client.importWorkflow(json, options),
    { create: true, isPatient: true },
  )
  session.answer(enqueued, () => [id])
  if (!session.isJson) noteUnusual(id, enqueued)
}

async function waitFor(session: Session): Promise<number> {
  const options = given(timeout, session.options)
  return session.withClient(
    async (client) => {
      const handle = client.workflow(await idIn(client, session))
      const ending = handle.result(options)
      if (!session.isJson) {
        const result = await ending
        if (result !== undefined) writeLine(JSON.stringify(result))
        return 0
      }
      await ending.catch(endOnly)
      const flow = await handle.get()
      session.answer(flow, () => [])
      return endedCode(flow)
    },
    { isPatient: true },
  )
}

/** With `--json` the workflow that ended badly is in the answer itself. */
function endOnly(error: unknown): void {
  const isEnd =
    isCheckreinError(error) && ['WORKFLOW_FAILED', 'WORKFLOW_CANCELLED'].includes(error.code)
  if (!isEnd) throw error
}

function endedCode({ state }: Workflow): number {
  if (state === 'failed') return errorCodes.WORKFLOW_FAILED.exit
  return state === 'cancelled' ? errorCodes.WORKFLOW_CANCELLED.exit : 0
}

async function watch(session: Session): Promise<number> {
  return session.withClient(
    async (client) => {
      const handle = client.workflow(await idIn(client, session))
      for await (const entry of handle.events()) {
        if (session.isJson) writeJsonLine(entry)
        else writeLine(`${timeOfDay(entry.at)}  ${plain(entry.runId)}  ${entryWords(entry)}`)
      }
      return endedCode(await handle.get())
    },
    { isPatient: true },
  )
}
