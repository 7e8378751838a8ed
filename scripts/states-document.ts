/** `docs/states.md`, from the table of transitions. */
import type { Status } from '../src/core/run/run.ts'
import {
  type Actor,
  type EventType,
  eventTypes,
  isFinal,
  type State,
  states,
  stopVerbs,
  transitions,
} from '../src/core/run/transitions.ts'

const about: Readonly<Record<State, string>> = {
  scheduled: 'Its time has not come; also the wait before the next attempt.',
  queued: 'It is ready; the next worker that knows the task takes it.',
  running:
    'A worker holds it for an attempt. Its status is `starting` until the handler is called.',
  waiting:
    'It waits for a signal, a time, another run or its turn in a workflow, and holds no slot.',
  paused: 'It is parked until somebody resumes it, and holds no slot.',
  completed: 'The handler returned.',
  failed: 'No attempt is left, or no further attempt could help.',
  cancelled: 'It was stopped; its stop record says how.',
}

const actors: Readonly<Record<Actor, string>> = {
  client: 'a program that uses the API, or a person at the command line',
  worker: 'the worker that holds the run',
  keeper: 'housekeeping, which any worker does',
}

const aboutStatus: Readonly<Record<Exclude<Status, State>, string>> = {
  starting:
    'A worker holds the run and has not called its handler yet: the isolate still loads the module, say. `startedAt` is null until it does.',
  pausing: 'A pause was asked; the running attempt has not reached a checkpoint yet.',
  'pausing (overdue)': 'The same, and `within` (default 30 s) is over.',
  frozen: 'The process of the attempt stands still; the run keeps its slot.',
  cancelling: 'A stop was asked, and the end of the code has not been observed yet.',
  unresponsive: 'A stop is overdue and cannot be forced, as with an `inline` handler that goes on.',
  'rolling back': 'The run was stopped or has failed, and its roll-back is not over.',
}

const code = (text: string): string => `\`${text}\``
const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(...head), row(...head.map(() => '---')), ...rows.map((cells) => row(...cells))].join('\n')

export function statesDocument(): string {
  return [
    '<!-- Written by scripts/generate.ts from src/core/run/transitions.ts: change that, and run `npm run generate`. -->',
    '# The states of a run',
    'A run is in one of eight states. The state says what is true of the run. A stop or a pause that was *asked* of a running run is kept beside the state until it has come true: see [Statuses](#statuses).',
    table(
      ['state', 'meaning', 'final'],
      states.map((state) => [code(state), about[state], isFinal(state) ? 'yes' : '']),
    ),
    '## Statuses',
    'The API and the command line show a `status`. It is the state, unless something was asked of the run that has not come true yet:',
    statusTable(),
    '## The way of a run',
    'The diagram leaves out the four verbs that end a run (revoke, abort, cancel, terminate) and `expire`: they lead each state but `running` straight to `cancelled`, or to the roll-back. An arrow from `running` to `queued` is another attempt, or the roll-back of a run that was stopped or has failed. A run is enqueued as `waiting` when it waits for its turn in a workflow, or for the end of the run whose key it takes.',
    diagram(),
    '## Every event on every state',
    'An empty cell means that the state does not accept the event. Where a cell names several states, the facts of the run decide: how many attempts are left, whether a stop or a pause was asked and has reached the handler, whether there is something to roll back. The rules are in `src/core/run/machine.ts`.',
    everyCell(),
    '## The events',
    `The column *by* says who may bring the event: ${(Object.keys(actors) as Actor[]).map((actor) => `*${actor}* is ${actors[actor]}`).join('; ')}. An event with a *fence* must come from the current attempt; otherwise it is refused as stale, and changes nothing.`,
    events(),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n')
}

function statusTable(): string {
  return table(
    ['status', 'means'],
    Object.entries(aboutStatus).map(([status, means]) => [code(status), means]),
  )
}

function everyCell(): string {
  const live = states.filter((state) => !isFinal(state))
  const cells = (type: EventType) =>
    live.map((state) => (transitions[type].moves[state] ?? []).join(', '))
  const head = ['event', ...live.map(code)]
  const finals = states.filter(isFinal).map(code).join(', ')
  const body = table(
    head,
    eventTypes.map((type) => [code(type), ...cells(type)]),
  )
  return `${body}\n\nNo event leads out of ${finals}: they are final.`
}

function events(): string {
  const head = ['event', 'by', 'fence', 'meaning']
  return table(
    head,
    eventTypes.map((type) => {
      const { by, isFenced, about } = transitions[type]
      return [code(type), by, isFenced ? 'yes' : '', about]
    }),
  )
}

/** One arrow for each pair of states, with the events that lead along it. */
function diagram(): string {
  const arrows = new Map<string, EventType[]>()
  const shown = eventTypes.filter(
    (type) => type !== 'expire' && !(stopVerbs as readonly string[]).includes(type),
  )
  for (const type of shown) {
    for (const [from, targets] of Object.entries(transitions[type].moves)) {
      for (const to of targets.filter((to) => to !== from)) {
        const arrow = `${from} --> ${to}`
        arrows.set(arrow, [...(arrows.get(arrow) ?? []), type])
      }
    }
  }
  const lines = [...arrows].map(([arrow, types]) => `  ${arrow}: ${types.join(', ')}`)
  const ends = states.filter(isFinal).map((state) => `  ${state} --> [*]`)
  const starts = ['scheduled', 'queued', 'waiting'].map((state) => `  [*] --> ${state}: enqueue`)
  return ['```mermaid', 'stateDiagram-v2', ...starts, ...lines, ...ends, '```'].join('\n')
}
