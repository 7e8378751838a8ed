import { CheckreinError } from './errors.ts'
import { isInstant } from './instant.ts'
import { wholeText } from './text.ts'
import { type State, states } from './run/transitions.ts'

/** Which runs are meant: all that fit every part that is given. */
export interface RunFilter {
  readonly task?: string
  readonly queue?: string
  readonly tag?: string
  readonly key?: string
  /** The id of the workflow that they are members of. */
  readonly workflow?: string
  /** The id of the run whose handler has enqueued them. */
  readonly parent?: string
  readonly state?: State | readonly State[]
  /** Epoch ms, or a `Date`. */
  readonly createdAfter?: number | Date
  readonly createdBefore?: number | Date
  /** Values at paths of the input, by the names of members: `{ 'user.id': 9 }`. */
  readonly input?: Readonly<Record<string, string | number | boolean>>
}

/**
 * The parts of a filter. `isFixed`: a run has it from the start and keeps it, so that a hold on runs that come later may name it.
 * `isInstant`: epoch ms, or a `Date`.
 */
export const filterParts = {
  task: { isFixed: true },
  queue: { isFixed: true },
  tag: { isFixed: true },
  key: { isFixed: true },
  workflow: {},
  parent: {},
  state: {},
  createdAfter: { isInstant: true },
  createdBefore: { isInstant: true },
  input: { isFixed: true },
} as const satisfies Readonly<
  Record<keyof RunFilter, { readonly isFixed?: true; readonly isInstant?: true }>
>

/** The names of the parts of which this is true; of all of them where nothing is asked. */
export const partsThat = (is?: 'isFixed' | 'isInstant'): readonly string[] =>
  Object.entries(filterParts).flatMap(([part, rule]) =>
    is === undefined || is in rule ? [part] : [],
  )

/**
 * The filter, checked.
 * @throws {CheckreinError} `USAGE` for a part or state that does not exist: a mistyped filter must not mean "all".
 */
export function checkedFilter(filter: RunFilter): RunFilter {
  for (const [part, value] of Object.entries(filter)) {
    if (!Object.hasOwn(filterParts, part))
      throw badFilter(
        `a filter has no part ${JSON.stringify(part)}`,
        `Parts: ${partsThat().join(', ')}.`,
      )
    if (typeof value === 'string') wholeText(value, `the filter's ${part}`)
    if (value === undefined || value === null)
      throw badFilter(`the filter's ${part} is ${value}`, 'Leave the part out to mean any.')
  }
  checkStates(filter.state)
  for (const state of statesOf(filter)) {
    if (!states.includes(state))
      throw badFilter(`no state ${JSON.stringify(state)}`, `States: ${states.join(', ')}.`)
  }
  for (const part of partsThat('isInstant')) {
    // Filters are kept as JSON, and shown.
    const value = filter[part as keyof RunFilter] ?? 0
    if (!isInstant(typeof value === 'number' || value instanceof Date ? Number(value) : NaN))
      throw badFilter(
        `the filter's ${part} is not an instant`,
        'Give a Date or epoch ms, of the years 0 to 9999.',
      )
  }
  if (filter.input !== undefined) checkInput(filter.input)
  return plainOf(filter)
}

function checkStates(state: RunFilter['state']): void {
  if (state === undefined || typeof state === 'string') return
  if (!Array.isArray(state))
    throw badFilter("the filter's state is neither a state nor a list", "Write ['queued'].")
  if (state.length === 0)
    throw badFilter('the filter names no state', 'Leave `state` out to mean any.')
}

/** The filter with numbers (epoch ms) for dates, so that it can be kept as JSON and read again. */
function plainOf(filter: RunFilter): RunFilter {
  const instants = partsThat('isInstant').flatMap((part) => {
    const value = filter[part as keyof RunFilter]
    return value === undefined ? [] : [[part, Number(value)] as const]
  })
  return { ...filter, ...Object.fromEntries(instants) }
}

/** In characters. */
const longestPath = 1000

function checkInput(input: NonNullable<RunFilter['input']>): void {
  const wanted = Object.entries(input)
  if (wanted.length === 0)
    throw badFilter('the filter names no path of the input', 'Leave `input` out to mean any.')
  for (const [path, value] of wanted) {
    if (path.length > longestPath || !/^[\w-]+(\.[\w-]+)*$/.test(path))
      throw badFilter(`${JSON.stringify(path)} is not a path`, "Write 'user.id'.")
    if (typeof value === 'string') wholeText(value, `the filter's ${path}`)
    const isPlain = ['string', 'boolean'].includes(typeof value) || Number.isFinite(value)
    if (!isPlain)
      throw badFilter(
        `the filter's ${path} is not text, a number or a boolean`,
        "Write { 'user.id': 9 }.",
      )
  }
}

/** The states that a filter names; empty where it names none, and so means any. */
export function statesOf(filter: RunFilter): readonly State[] {
  if (filter.state === undefined) return []
  return typeof filter.state === 'string' ? [filter.state] : filter.state
}

const badFilter = (message: string, hint: string): CheckreinError =>
  new CheckreinError('USAGE', { message, hint })
