import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { z } from 'zod'
import { chain, group, map, step } from '../../src/core/workflow/canvas.ts'
import { exportedNode, exportSchema, type WorkflowExport } from '../../src/core/workflow/export.ts'
import { readExport } from '../../src/core/workflow/read-export.ts'
import { graphOf } from '../../src/core/workflow/graph.ts'
import { partOf, previous } from '../../src/core/workflow/parts.ts'
import { task } from '../../src/core/task/task.ts'

const file = new URL('../../docs/workflow-export.schema.json', import.meta.url)
const schemaText = readFileSync(file, 'utf8')
const schema = z.fromJSONSchema(JSON.parse(schemaText) as Parameters<typeof z.fromJSONSchema>[0])

const add = task({ name: 'add', run: (n: number) => n + 1 })
const named = task({ name: 'named', run: ({ by }: { n: unknown; by: string }) => by })
const like = chain(
  [step(add, 1), group([add, map(add, [1, 2])]), step(named, { by: 'me', n: previous })],
  { pauseWhen: step(named, { by: 'clause', n: previous }) as never, onPaused: named as never },
)
const graph = graphOf(partOf(like), {
  payloadLimit: 1000,
  checkedTags: (tags) => tags,
  checkedPriority: (priority) => priority,
  checkedQueue: (queue) => queue,
  checkedId: (id) => id,
})

/** As JSON: what another store gets. */
const exported = (): WorkflowExport =>
  JSON.parse(
    JSON.stringify({
      $schema: exportSchema,
      version: 1,
      workflow: {
        id: 'w',
        name: 'add up',
        key: null,
        tags: ['a'],
        priority: 3,
        pausesAtPoints: true,
        hooks: {},
      },
      exportedAt: 1,
      last: { runId: 'r', task: 'add', result: 2 },
      nodes: graph.nodes.map(exportedNode),
    } satisfies WorkflowExport),
  ) as WorkflowExport

/** A message to a member. */
const signal = {
  callId: 'c',
  name: 'add',
  payload: '{"n":1}',
  reason: null,
  by: 'ada',
  origin: null,
}

interface Wrong {
  /** Where in the export. */
  readonly at: readonly (string | number)[]
  readonly value: unknown
  /** Whether the schema cannot say it: a matter of how the nodes fit together. */
  readonly isBeyondSchema?: boolean
}

const wrongs: readonly Wrong[] = [
  { at: ['version'], value: 2 },
  { at: ['workflow'], value: undefined },
  { at: ['workflow', 'id'], value: 7 },
  { at: ['workflow', 'key'], value: ['a'] },
  { at: ['workflow', 'tags'], value: 'a' },
  { at: ['workflow', 'priority'], value: 1.5 },
  { at: ['workflow', 'hooks'], value: { onDone: {} } },
  { at: ['nodes'], value: [] },
  { at: ['nodes', 0], value: null },
  { at: ['nodes', 0, 'node'], value: -1 },
  { at: ['nodes', 0, 'last'], value: 2 ** 31 },
  { at: ['nodes', 0, 'next'], value: 'b' },
  { at: ['nodes', 0, 'isHead'], value: 1 },
  { at: ['nodes', 0, 'role'], value: 'boss' },
  { at: ['nodes', 0, 'policy'], value: 'most' },
  { at: ['nodes', 0, 'step'], value: {} },
  { at: ['nodes', 0, 'step', 'task'], value: 'a task' },
  { at: ['nodes', 0, 'step', 'takes'], value: 'all' },
  { at: ['nodes', 0, 'step', 'delayMs'], value: -1 },
  { at: ['nodes', 0, 'signals'], value: 'all' },
  { at: ['nodes', 0, 'signals'], value: [null] },
  { at: ['nodes', 0, 'signals'], value: [{ ...signal, callId: '' }] },
  { at: ['nodes', 0, 'signals'], value: [{ ...signal, callId: 7 }] },
  { at: ['nodes', 0, 'signals'], value: [{ ...signal, name: 'two words' }] },
  { at: ['nodes', 0, 'signals'], value: [{ ...signal, payload: { n: 1 } }] },
  { at: ['nodes', 0, 'signals'], value: [{ ...signal, by: 'x'.repeat(2001) }] },
  { at: ['nodes', 0, 'signals'], value: [{ ...signal, reason: undefined }] },
  { at: ['nodes', 0, 'signals'], value: [{ ...signal, payload: '{' }], isBeyondSchema: true },
  {
    at: ['nodes', 0, 'signals'],
    value: [{ ...signal, name: 'x', callId: '\0' }],
    isBeyondSchema: true,
  },
  { at: ['nodes', 0, 'signals'], value: [signal, { ...signal, name: 'x' }], isBeyondSchema: true },
  { at: ['nodes', 2, 'signals'], value: [signal], isBeyondSchema: true },
  { at: ['nodes', 0, 'step', 'bound'], value: '{', isBeyondSchema: true },
  { at: ['nodes', 0, 'next'], value: 1, isBeyondSchema: true },
  { at: ['nodes', 0, 'next'], value: 99, isBeyondSchema: true },
  { at: ['nodes', 0, 'isAtOnce'], value: false, isBeyondSchema: true },
  { at: ['nodes', 0, 'node'], value: 2, isBeyondSchema: true },
  { at: ['nodes', 0, 'role'], value: 'kept', isBeyondSchema: true },
  { at: ['nodes', 2, 'size'], value: 3, isBeyondSchema: true },
  { at: ['nodes', 3, 'up'], value: 77, isBeyondSchema: true },
  { at: ['nodes', 4, 'slot'], value: 0, isBeyondSchema: true },
]

function changed({ at, value }: Wrong): unknown {
  const whole: Record<string | number, unknown> = { ...exported() }
  const last = at.at(-1) ?? ''
  let inner = whole
  for (const name of at.slice(0, -1)) inner = inner[name] as typeof inner
  inner[last] = value
  return whole
}

suite('the rest of a workflow as JSON', () => {
  test('has the schema that it names', () => {
    const { $id } = JSON.parse(schemaText) as { readonly $id: string }
    assert.equal($id, exportSchema)
    const told = schema.safeParse(exported())
    assert.ok(told.success, String(told.error))
  })

  test('is read as it was written, as text too', () => {
    const { nodes } = readExport(JSON.stringify(exported()))
    const plain = (all: readonly unknown[]): unknown => JSON.parse(JSON.stringify(all))
    assert.deepEqual(plain(nodes), plain(graph.nodes))
    const [first] = exported().nodes
    assert.ok(first && !('up' in first) && !('slot' in first), 'what is as usual is left out')
  })

  test('keeps the signals of a member in their order', () => {
    const signals = [signal, { ...signal, callId: 'b', payload: null }]
    const given = changed({ at: ['nodes', 0, 'signals'], value: signals })
    assert.ok(schema.safeParse(given).success)
    assert.deepEqual(readExport(given).nodes[0]?.signals, signals)
  })

  for (const wrong of wrongs) {
    const name = `${wrong.at.join('.')} = ${JSON.stringify(wrong.value)}`
    test(`is refused with ${name}`, () => {
      const given = changed(wrong)
      assert.throws(() => readExport(given), { code: 'WORKFLOW_INVALID' })
      assert.equal(schema.safeParse(given).success, wrong.isBeyondSchema === true)
    })
  }

  for (const text of ['', 'null', '[]', '7', '{}', '{"version":1}'])
    test(`is refused where it is ${text || 'empty'}`, () => {
      assert.throws(() => readExport(text), { code: 'WORKFLOW_INVALID' })
    })
})
