/** The transition table as a page for people. */
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
  scheduled: 'not yet due; also the wait before the next attempt',
  queued: 'ready; the next worker that knows the task takes it',
  running: 'a worker holds it, and an attempt is under way',
  waiting: 'for a signal, a time or another run; holds no slot',
  paused: 'parked until it is resumed; holds no slot',
  completed: 'the handler returned',
  failed: 'no attempt is left, or none could help',
  cancelled: 'it was stopped; its stop record says how',
}

const actors: Readonly<Record<Actor, string>> = {
  client: 'whoever holds a client',
  worker: 'the worker that holds the run',
  keeper: 'housekeeping, which any worker does',
}

const code = (text: string): string => `\`${text}\``
const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(...head), row(...head.map(() => '---')), ...rows.map((cells) => row(...cells))].join('\n')

export function statesDocument(): string {
  return [
    '<!-- Written by scripts/generate.ts from src/core/run/transitions.ts: change that, and run `npm run generate`. -->',
    '# The states of a run',
    'A run is in one of eight states. What was *asked* of a running run (a stop, a pause) is kept beside its state until it has come true.',
    table(
      ['state', 'what is true', 'final'],
      states.map((state) => [code(state), about[state], isFinal(state) ? 'yes' : '']),
    ),
    '## The way of a run',
    'The verbs revoke, abort, cancel and terminate lead each state that is not running straight to `cancelled`, and so does the end of a time to live; they are left out here.',
    diagram(),
    '## Every event on every state',
    'Where a cell is empty, the state does not accept the event. Of several states in a cell, the facts decide: attempts that are left, what was asked, whether the handler had heard of it (`src/core/run/machine.ts` has the rules).',
    everyCell(),
    '## The events',
    `By: ${(Object.keys(actors) as Actor[]).map((actor) => `*${actor}*, ${actors[actor]}`).join('; ')}. An event with a fence must come from the current attempt; otherwise it is refused as stale, and changes nothing.`,
    events(),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n')
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
  return `${body}\n\nNothing leaves ${finals}.`
}

function events(): string {
  const head = ['event', 'by', 'fence', 'what happened']
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
