/** Workflows in JSON, read part by part: it may have come from anywhere, so nothing of it is believed. */
import { deepestPayload, isDeeper } from '../json-depth.ts'
import { type CheckreinError, shown } from '../errors.ts'
import { isRecord } from '../is-record.ts'
import type { ExportedSignal, RemainderNode, WorkflowExport } from './export.ts'
import { type Hooks, nodeRoles, usualNode } from './graph.ts'
import { fanInPolicies } from './parts.ts'
import type { StepPlan } from './step-plan.ts'

/** Makes the error for JSON that is not well formed. @param why what is wrong. @param hint given where there is a better one than the usual. */
export type MakeError = (why: string, hint?: string) => CheckreinError

/** The head of a workflow in JSON, checked. @throws the error that `makeError` makes. */
export function readHead(
  head: Readonly<Record<string, unknown>>,
  makeError: MakeError,
): WorkflowExport['workflow'] {
  const {
    id,
    name = null,
    key = null,
    tags = [],
    priority = 0,
    pausesAtPoints = false,
    hooks = {},
  } = head
  if (!isText(id)) throw makeError('workflow.id is not text')
  if (!isTextOrNull(name) || !isTextOrNull(key))
    throw makeError('workflow.name and workflow.key are text or null')
  if (!isListOfText(tags)) throw makeError('workflow.tags is not a list of text')
  if (!Number.isInteger(priority)) throw makeError('workflow.priority is not a whole number')
  if (!isHooks(hooks)) throw makeError('workflow.hooks is not well formed')
  return {
    id,
    name,
    key,
    tags,
    priority: priority as number,
    pausesAtPoints: pausesAtPoints === true,
    hooks,
  }
}

/** A node in JSON, checked, with what was left out. @throws the error that `makeError` makes. */
export function readNode(value: unknown, makeError: MakeError): RemainderNode {
  if (!isRecord(value)) throw makeError('a node is not an object')
  const node = { ...usualNode, ...value } as unknown as RemainderNode
  const what = `node ${shown(value['node'])}`
  for (const name of ['node', 'chainEnd', 'last', 'slot', 'size'] as const)
    if (!isCount(node[name])) throw makeError(`${what}: ${name} is not a whole number from 0`)
  for (const name of ['next', 'up', 'source'] as const)
    if (node[name] !== null && !isCount(node[name])) throw makeError(`${what}: ${name} is no node`)
  for (const name of ['isHead', 'isPausePoint', 'isAtOnce'] as const)
    if (typeof node[name] !== 'boolean') throw makeError(`${what}: ${name} is not true or false`)
  if (!nodeRoles.includes(node.role)) throw makeError(`${what}: no role ${shown(node.role)}`)
  if (!fanInPolicies.includes(node.policy))
    throw makeError(`${what}: no policy ${shown(node.policy)}`)
  if (!isHooks(node.hooks)) throw makeError(`${what}: its hooks are not well formed`)
  if (node.step !== null && !isStep(node.step))
    throw makeError(`${what}: its step is not well formed`)
  if ((node.role === 'kept') !== isKept(node.kept))
    throw makeError(`${what}: what was kept is not well formed`)
  if (node.checkpoint !== undefined && !isJson(node.checkpoint))
    throw makeError(`${what}: its checkpoint is not JSON`)
  if (node.signals !== undefined) checkSignals(node, makeError)
  return node
}

function checkSignals({ node, signals, step, role }: RemainderNode, makeError: MakeError): void {
  if (!Array.isArray(signals)) throw makeError(`node ${node}: its signals are not a list`)
  if (step === null || role === 'kept')
    throw makeError(`node ${node}: it has signals, and no run that they could be sent to`)
  const broken = signals.findIndex((signal) => !isSignal(signal))
  if (broken !== -1) throw makeError(`node ${node}: its signal ${broken + 1} is not well formed`)
  if (new Set(signals.map(({ callId }) => callId)).size < signals.length)
    throw makeError(`node ${node}: two of its signals have one id`)
}

/** Checks that every node which another names is there, or is over, and that no node names an earlier one as its next. @throws the error that `makeError` makes. */
export function checkLinks(nodes: readonly RemainderNode[], makeError: MakeError): void {
  const numbers = new Set(nodes.map(({ node }) => node))
  if (numbers.size < nodes.length) throw makeError('two nodes have one number')
  const slots = new Set<string>()
  for (const { node, next, up, slot, source, role } of nodes) {
    if (next !== null && (next <= node || !numbers.has(next)))
      throw makeError(`node ${node}: what comes next is not a later node`)
    if (up !== null && (up >= node || !numbers.has(up)))
      throw makeError(`node ${node}: there is no group ${up}`)
    if (source !== null && source >= node)
      throw makeError(`node ${node}: its source is not an earlier node`)
    if (up !== null && (next === null || role === 'kept') && slots.has(`${up} ${slot}`))
      throw makeError(`two chains fill slot ${slot} of group ${up}`)
    if (up !== null && (next === null || role === 'kept')) slots.add(`${up} ${slot}`)
  }
  for (const { node, step, role, size } of nodes) {
    if (step !== null || role === 'kept') continue
    const filled = Array.from({ length: size }, (_, slot) => slots.has(`${node} ${slot}`))
    if (size > nodes.length || filled.includes(false))
      throw makeError(`group ${node} has not ${size} members`)
  }
  if (nodes.every(({ isAtOnce }) => !isAtOnce)) throw makeError('nothing of it would start')
}

const isText = (value: unknown, longest = 500): value is string =>
  typeof value === 'string' &&
  value.length <= longest &&
  value.isWellFormed() &&
  !value.includes('\0')
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value)
const isListOfText = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length <= 100 && value.every((one) => isText(one))
const isCount = (value: unknown): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31
const isMs = (value: unknown): boolean =>
  value === null || (Number.isSafeInteger(value) && (value as number) >= 0)

function isJson(value: unknown): boolean {
  if (typeof value !== 'string' || !value.isWellFormed()) return false
  try {
    JSON.parse(value)
    return !isDeeper(value, 2 * deepestPayload)
  } catch {
    return false
  }
}

function isSignal(value: unknown): value is ExportedSignal {
  if (!isRecord(value)) return false
  const { callId, name, payload, reason, by, origin } = value
  return (
    isText(callId) &&
    callId !== '' &&
    isName(name) &&
    (payload === null || isJson(payload)) &&
    [reason, by, origin].every((one) => one === null || isText(one, 2000))
  )
}

function isKept(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { result, cause } = value
  return (result === null || isJson(result)) && (cause === null || isRecord(cause))
}

function isHooks(value: unknown): value is Hooks {
  const known = ['onCompleted', 'onFailed', 'onPaused']
  return (
    isRecord(value) &&
    Object.entries(value).every(([name, plan]) => known.includes(name) && isStep(plan))
  )
}

function isStep(value: unknown): value is StepPlan {
  if (!isRecord(value)) return false
  const { task, queue, priority, tags, takes, bound, isMapped, delayMs, ttlMs } = value
  return (
    isName(task) &&
    isName(queue) &&
    (priority === null || Number.isInteger(priority)) &&
    isListOfText(tags) &&
    isBound(takes, bound) &&
    typeof isMapped === 'boolean' &&
    isMs(delayMs) &&
    isMs(ttlMs)
  )
}

const isName = (value: unknown): boolean =>
  typeof value === 'string' && /^[\w.:/-]{1,200}$/.test(value)

function isBound(takes: unknown, bound: unknown): boolean {
  if (takes === 'previous') return bound === null
  if (takes === 'member') return typeof bound === 'string' && isJson(`${bound}null}`)
  return takes === 'given' && (bound === null || isJson(bound))
}
