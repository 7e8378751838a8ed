/** Workflows that are given as JSON. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { z } from 'zod'
import { graphSchema, workflowGraph } from '../../src/client/requests/workflow-graph.ts'
import { task } from '../../src/core/task/task.ts'
import { chain, chord, group, map, step } from '../../src/core/workflow/canvas.ts'
import { graphOf } from '../../src/core/workflow/graph.ts'
import { partOf, previous, type StepLike } from '../../src/core/workflow/parts.ts'
import { readGraph, type WorkflowGraph } from '../../src/core/workflow/read-graph.ts'
import { planOptions } from '../../src/client/requests/workflow-graph.ts'

const file = new URL('../../docs/workflow-graph.schema.json', import.meta.url)
const schemaText = readFileSync(file, 'utf8')
const schema = z.fromJSONSchema(JSON.parse(schemaText) as Parameters<typeof z.fromJSONSchema>[0])

const add = task({ name: 'add', run: (n: number) => n + 1 })
const all = task({ name: 'all', run: (n: number[]) => n.length })
const named = task({ name: 'named', run: ({ by }: { n: unknown; by: string }) => by })

const shapes: Readonly<Record<string, StepLike>> = {
  'a task': add,
  'a chain': chain([step(add, 1), add, add]),
  'a group': group([step(add, 1), step(add, 2)], { policy: 'allSettled' }),
  'groups in groups': chain([
    group([group([step(add, 1), chain([step(add, 1), add])]), step(add, 2)]),
    step(named, { by: 'me', n: previous }),
  ]),
  'a chord of chains': chord([chain([step(add, 1), add]), step(add, 1)], all),
  'a map': chain([map(add, [1, 2]), all]),
  'pause points': chain([step(add, 1), add, add], { pausePoints: { every: 2 } }),
  'a clause before each step': chain([step(add, 1), add, group([add, add])], {
    pauseWhen: step(named, { by: 'clause', n: previous }) as never,
    onPaused: named as never,
  }),
  'hooks and options': step(add, 1, {
    id: 'one',
    tags: ['a'],
    onCompleted: add,
    delay: '1s',
    queue: 'q',
  }),
}

const asJson = (graph: WorkflowGraph): WorkflowGraph =>
  JSON.parse(JSON.stringify(graph)) as WorkflowGraph

/** Without what follows from the rest. */
function bare(graph: WorkflowGraph): WorkflowGraph {
  const follows = ['last', 'chainEnd', 'isHead', 'isAtOnce', 'source']
  const without = (node: object): object =>
    Object.fromEntries(Object.entries(node).filter(([name]) => !follows.includes(name)))
  return { ...graph, nodes: graph.nodes.map(without) as WorkflowGraph['nodes'] }
}

const node = (number: number, more: object = {}): object => ({
  node: number,
  step: { task: 'add' },
  ...more,
})
const whole = (...nodes: readonly object[]): object => ({ version: 1, nodes })

const wrongs: readonly (readonly [what: string, graph: unknown, says: RegExp])[] = [
  ['no nodes', whole(), /no list of nodes/],
  ['another version', { version: 2, nodes: [node(1)] }, /its version is 2/],
  ['a part that nobody knows', { ...whole(node(1)), steps: [] }, /has no "steps"/],
  [
    'a node with signals',
    whole(node(1, { signals: [] })),
    /node 1 is of a workflow that has begun/,
  ],
  ['a node with a mistyped part', whole(node(1, { nxt: 2 })), /node 1 has no "nxt"/],
  [
    'a step with a mistyped part',
    whole({ node: 1, step: { task: 'a', tag: [] } }),
    /its step has no "tag"/,
  ],
  ['a step without a task', whole({ node: 1, step: {} }), /node 1: its step/],
  [
    'an input that is no JSON',
    whole(node(1, { step: { task: 'a', bound: '{' } })),
    /node 1: its step/,
  ],
  ['numbers that are not in order', whole(node(2), node(1)), /the 1th is 2/],
  ['a node to which nothing leads', whole(node(1), node(2)), /nothing leads to node 2/],
  [
    'a next that is far',
    whole(node(1, { next: 3 }), node(2), node(3)),
    /`next` is 3, and what comes next is 2/,
  ],
  ['a next that is nowhere', whole(node(1, { next: 2 })), /there is no node 2/],
  [
    'a group with too few members',
    whole({ node: 1, size: 2 }, node(2, { up: 1 })),
    /there is no node 3/,
  ],
  [
    'two members at one slot',
    whole({ node: 1, size: 2 }, node(2, { up: 1 }), node(3, { up: 1 })),
    /node 3 is at up 1, slot 0, and/,
  ],
  [
    'a range that is wrong',
    whole(node(1, { next: 2, chainEnd: 1 }), node(2)),
    /chainEnd is 1, and by the layout it is 2/,
  ],
  [
    'a second step that starts at once',
    whole(node(1, { next: 2 }), node(2, { isAtOnce: true })),
    /isAtOnce is true/,
  ],
  ['what was kept of another', whole(node(1, { role: 'kept' })), /of a workflow that has begun/],
  [
    'a clause at the end',
    {
      ...whole(node(1, { next: 2 }), node(2, { role: 'clause' })),
      workflow: { pausesAtPoints: true },
    },
    /node 2 is a clause/,
  ],
  [
    'a clause where pauses are anywhere',
    whole(node(1, { next: 2 }), node(2, { role: 'clause', next: 3 }), node(3)),
    /pausesAtPoints is not true/,
  ],
  ['a key that is no text', { ...whole(node(1)), workflow: { key: 7 } }, /workflow.key/],
]

suite('a workflow as JSON', () => {
  for (const [name, shape] of Object.entries(shapes)) {
    test(`${name} is read as its steps say, also without what follows from the rest`, () => {
      const graph = asJson(workflowGraph(shape))
      const wanted = graphOf(partOf(shape), planOptions())
      for (const one of [graph, bare(graph)]) {
        const { nodes, head } = readGraph(one)
        assert.deepEqual(nodes, wanted.nodes)
        assert.equal(head?.pausesAtPoints ?? false, wanted.pausesAtPoints)
        const told = schema.safeParse(one)
        assert.ok(told.success, String(told.error))
      }
    })
  }

  test('has the schema that it names', () => {
    assert.equal((JSON.parse(schemaText) as { readonly $id: string }).$id, graphSchema)
  })

  for (const [what, graph, says] of wrongs)
    test(`is refused with ${what}`, () => {
      assert.throws(() => readGraph(graph), { code: 'WORKFLOW_INVALID', message: says })
    })

  test('takes the result before where a step says nothing, and what it is bound to where it does', () => {
    const { nodes } = readGraph(
      whole(node(1, { next: 2 }), node(2, { step: { task: 'b', bound: '1' } })),
    )
    assert.deepEqual(
      nodes.map(({ step }) => [step?.task, step?.queue, step?.takes, step?.bound]),
      [
        ['add', 'default', 'previous', null],
        ['b', 'default', 'given', '1'],
      ],
    )
  })
})
