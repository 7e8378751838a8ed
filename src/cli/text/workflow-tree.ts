/** The tree of a workflow, a line for each part. */
import type {
  ChainTree,
  GroupTree,
  RunTree,
  WorkflowTree,
} from '../../client/views/workflow-view.ts'
import { humanDuration } from '../../core/duration.ts'
import type { RunRow } from '../../client/views/view.ts'
import { plain, style } from './output.ts'
import { errorWords, statusWord, stopWords } from './words.ts'

/** Of a group with more members than this only those are shown that say something. */
const fewMembers = 12
const shownMembers = 8

interface Look {
  /** Whether each member of a large group is shown. */
  readonly isWhole: boolean
}

/** Draws the tree of a workflow, a line for each part. */
export function treeLines(tree: ChainTree, look: Look): string[] {
  const lines: string[] = []
  branches(tree.steps, '', { look, lines })
  return lines
}

interface Drawing {
  readonly look: Look
  readonly lines: string[]
}

function branches(parts: readonly WorkflowTree[], indent: string, drawing: Drawing): void {
  const isShort = drawing.look.isWhole || parts.length <= fewMembers
  const shown = isShort ? parts : telling(parts)
  const isCut = shown.length < parts.length
  for (const [at, part] of shown.entries()) {
    const isLast = at === shown.length - 1 && !isCut
    drawing.lines.push(`${indent}${isLast ? '└─ ' : '├─ '}${headOf(part)}`)
    branches(partsOf(part), `${indent}${isLast ? '   ' : '│  '}`, drawing)
  }
  if (isCut) drawing.lines.push(`${indent}└─ ${style('dim', moreWords(parts, shown))}`)
}

/** The first of those that have not completed; else the first of all. */
function telling(parts: readonly WorkflowTree[]): readonly WorkflowTree[] {
  const open = parts.filter((part) => !isCompleted(part))
  return (open.length > 0 ? open : parts).slice(0, shownMembers)
}

function isCompleted(part: WorkflowTree): boolean {
  if (part.kind === 'chain') return part.steps.every(isCompleted)
  if (part.kind === 'group') return part.pending === 0 && part.failures === 0
  return part.role === 'kept' || part.run?.state === 'completed'
}

function moreWords(parts: readonly WorkflowTree[], shown: readonly WorkflowTree[]): string {
  const isShown = new Set(shown)
  const counts = new Map<string, number>()
  for (const part of parts) {
    if (isShown.has(part)) continue
    const word = part.kind === 'run' ? runWord(part) : `a ${part.kind}`
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  const each = [...counts].map(([word, count]) => `${count} ${word}`).join(', ')
  return `and ${parts.length - shown.length} more: ${each}; --all shows them`
}

function partsOf(part: WorkflowTree): readonly WorkflowTree[] {
  if (part.kind === 'run') return []
  return part.kind === 'chain' ? part.steps : part.members
}

function headOf(part: WorkflowTree): string {
  if (part.kind === 'chain') return 'chain'
  return part.kind === 'group' ? groupWords(part) : runWords(part)
}

/** The number of a node, by which `workflow retry --from` is told of it. */
const numberOf = (node: number): string => `${style('dim', String(node))}  `

function groupWords({ node, members, policy, pending, failures }: GroupTree): string {
  const left = pending === 0 ? '' : `, ${pending} to go`
  const failed = failures === 0 ? '' : `, ${failures} did not complete`
  return `${numberOf(node)}group of ${members.length}${policy === 'allCompleted' ? '' : `, ${policy}`}${left}${failed}`
}

const runWord = ({ role, run }: RunTree): string =>
  run ? run.status : role === 'kept' ? 'kept' : 'deleted'

const roles = { step: '', clause: ' (clause)', rollback: ' (undoes)', kept: '' } as const

function runWords(part: RunTree): string {
  const { node, run, role, task, runId, hooks } = part
  const word = run ? statusWord(run.status) : style('dim', runWord(part))
  const notes = [
    ...(run ? notesOf(run) : []),
    ...(hooks.length === 0 ? [] : [hooks.join(', ')]),
  ].map((note) => ` · ${note}`)
  const id = runId === null ? '' : `  ${style('dim', plain(runId))}`
  return `${numberOf(node)}${word}  ${plain(task ?? '?')}${roles[role]}${id}${notes.join('')}`
}

function notesOf({ startedAt, finishedAt, stop, error, attempt }: RunRow): string[] {
  return [
    startedAt === null || finishedAt === null ? null : humanDuration(finishedAt - startedAt),
    attempt > 1 ? `attempt ${attempt}` : null,
    stop === null ? null : stopWords(stop),
    error === null ? null : errorWords(error),
  ].filter((note) => note !== null)
}
