/** The export of a workflow, read from JSON. */
import { CheckreinError, shown } from '../errors.ts'
import { exportVersion, type RemainderNode, type WorkflowExport } from './export.ts'
import { mostNodes } from './graph.ts'
import { workflowError } from './parts.ts'
import { isRecord } from '../is-record.ts'
import { checkLinks, readHead, readNode } from './read-nodes.ts'

/**
 * Reads an export, and checks every part of it: it may come from anywhere.
 * @param value the JSON text, or the value that it holds.
 * @throws {CheckreinError} `WORKFLOW_INVALID`.
 */
export function readExport(
  value: unknown,
): Omit<WorkflowExport, 'nodes'> & { readonly nodes: readonly RemainderNode[] } {
  const given = typeof value === 'string' ? parsed(value) : value
  if (!isRecord(given)) throw badExport('it is not an object')
  if (given['version'] !== exportVersion)
    throw badExport(`its version is ${shown(given['version'])}, and not ${exportVersion}`)
  const { workflow, nodes } = given
  if (!isRecord(workflow) || !Array.isArray(nodes))
    throw badExport('`workflow` or `nodes` is missing')
  if (nodes.length === 0) throw badExport('nothing is left of it to be done', 'It had completed.')
  if (nodes.length > mostNodes) throw badExport(`it has more than ${mostNodes} nodes`)
  const all = nodes.map((node) => readNode(node, badExport))
  checkLinks(all, badExport)
  return {
    ...(given as unknown as WorkflowExport),
    workflow: readHead(workflow, badExport),
    nodes: all,
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const message = 'the export of a workflow is not JSON'
    throw new CheckreinError('WORKFLOW_INVALID', { message, hint: whatIsOne, cause })
  }
}

const whatIsOne = 'Give what `export()`, an `onPaused` task or `checkrein workflow export` gave.'
const badExport = (why: string, hint = whatIsOne): CheckreinError =>
  workflowError(`this is not the export of a workflow: ${why}`, hint)
