/** Workflows on the command line; what the store makes of them is tested on both elsewhere. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import {
  chain,
  connect,
  group,
  previous,
  type StepLike,
  step,
  type WorkflowExport,
  type WorkflowHandle,
  type WorkflowOptions,
  workflowGraph,
} from '../../src/index.ts'
import { defaultKind } from '../support/bed.ts'
import { Place } from './cli.ts'
import { add, broken, counter, polite } from './tasks.ts'

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const sum = chain([step(add, { a: 1, b: 2 }), step(add, { a: previous, b: 3 })])

/** Starts a workflow in the store of the place. */
async function start(
  place: Place,
  workflow: StepLike,
  options: WorkflowOptions = {},
): Promise<WorkflowHandle> {
  await using client = await connect(place.url ?? `sqlite:${place.path('checkrein.db')}`)
  return await client.startWorkflow(workflow as typeof sum, options)
}

interface FlowJson {
  readonly id: string
  readonly status: string
  readonly createdAt: string
  readonly counts: Readonly<Record<string, number>>
}

void suite('workflows on the command line', () => {
  test('are listed, shown and waited for by id and key, and drawn as a tree', async () => {
    await using place = await Place.make(defaultKind)
    const { id } = await start(place, sum, { key: 'sum', name: 'add up', tags: ['tenant:9'] })
    const many = Array.from({ length: 30 }, () => step(add, { a: 1, b: 1 }))
    const wide = await start(
      place,
      chain([group([...many, step(broken)]), step(add, { a: 1, b: 1 })]),
    )
    const found = await place.json<{ workflows: FlowJson[] }>(
      'workflow',
      'list',
      '--tag',
      'tenant:9',
    )
    assert.deepEqual(
      found.workflows.map((one) => [one.id, one.status]),
      [[id, 'running']],
    )
    assert.match(found.workflows[0]?.createdAt ?? '', instant)
    assert.match(
      await place.does('workflow', 'list'),
      /running +0 +2 .+add up · key sum · tenant:9/,
    )
    assert.match(
      await place.does('workflow', 'tree', id),
      /├─ 1 {2}queued {2}add .+\n└─ 2 {2}waiting {2}add /,
    )
    const early = await place.run(['workflow', 'result', '--key', 'sum', '--timeout', '10ms'])
    assert.equal(early.code, 75)

    await place.works()
    assert.equal(await place.does('workflow', 'result', '--key', 'sum'), '6')
    const shown = await place.does('workflow', 'show', id)
    assert.match(
      shown,
      /^completed .+\n {2}name +add up\n[^]* runs +2: 2 completed\n[^]* result +6/,
    )
    assert.match(await place.does('workflow', 'watch', id), /the handler returned; completed/)
    const failed = await place.run(['workflow', 'result', wide.id])
    assert.deepEqual([failed.code, failed.stdout], [1, ''])
    assert.match(failed.stderr, /^error WORKFLOW_FAILED: .+broken .+it broke\nhint: /)
    const tree = await place.does('workflow', 'tree', wide.id)
    assert.match(
      tree,
      /├─ 1 {2}group of 31, 1 did not complete\n│ {2}├─ \d+ {2}failed {2}broken .+it broke\n/,
    )
    assert.match(
      tree,
      /│ {2}└─ and 30 more: 30 completed; --all shows them\n└─ 33 {2}cancelled {2}add /,
    )
    const whole = await place.does('workflow', 'tree', wide.id, '--all')
    assert.equal(whole.split('\n').length, 34)
  })

  test('are paused, exported, imported into another store and finished there', async () => {
    await using place = await Place.make(defaultKind)
    await using other = await Place.make(defaultKind)
    const { id } = await start(place, sum, { key: 'sum' })
    const active = await place.run(['workflow', 'export', id])
    assert.deepEqual([active.code, active.stdout], [75, ''])
    const paused = await place.run(['workflow', 'pause', '--key', 'sum', '--reason', 'moves'])
    assert.deepEqual([paused.code, paused.stdout], [0, `${id}  paused  2: 1 waiting, 1 paused\n`])
    assert.match(await place.does('workflow', 'show', id), /paused +since .+: moves$/)
    const { runs } = await place.json<{ runs: { id: string }[] }>('list', '--state', 'paused')
    const [held = { id: '' }] = runs
    const shown = await place.does('show', held.id)
    assert.match(
      shown,
      new RegExp(`paused +since .+: moves, by the pause of its workflow ${id}$`, 'm'),
    )
    const { run } = await place.json<{ run: { paused: object } }>('show', held.id)
    const { holdId, workflowId } = run.paused as { holdId: unknown; workflowId: unknown }
    assert.deepEqual({ holdId, workflowId }, { holdId: null, workflowId: id })
    const rest = await place.does('workflow', 'export', id)
    assert.equal((JSON.parse(rest) as WorkflowExport).version, 1)
    writeFileSync(other.path('rest.json'), rest)
    const moved = await other.does('workflow', 'import', 'rest.json', '--tag', 'moved')
    await other.works()
    assert.equal(await other.does('workflow', 'result', moved), '6')
    const piped = await other.runAlone(['workflow', 'import', '-'], { stdin: rest })
    assert.equal(piped.code, 0, piped.stderr)
    const broken = await other.runAlone(['workflow', 'import', '-'], { stdin: '{"version":7}' })
    assert.equal(broken.code, 65)
    assert.match(broken.stderr, /WORKFLOW_INVALID: .+version is 7/)
    assert.equal((await place.json<{ answer: string }>('workflow', 'resume', id)).answer, 'resumed')
  })

  test('are cancelled and rolled back, sent signals, and run again where they failed', async () => {
    await using place = await Place.make(defaultKind)
    await place.works()
    const long = await start(place, chain([step(counter), step(polite)]), { key: 'long' })
    const watching = place.start(['workflow', 'watch', long.id])
    await watching.says(/begun/)
    const sent = await place.run(['workflow', 'signal', '--key', 'long', 'finish'])
    assert.match(sent.stdout, /sent\n.+sent\n/)
    await watching.says(/begun\\u001b/)
    const stop = ['workflow', 'cancel', long.id, '--rollback', '--grace', '1s', '--reason', 'no']
    const stopped = await place.run(stop)
    assert.deepEqual(
      [stopped.code, stopped.stdout],
      [0, `${long.id}  stopped  2: 1 completed, 1 cancelled\n`],
    )
    assert.match(
      await place.does('workflow', 'show', long.id),
      /asked +cancel.+: no\n {2}roll-back +1 of 1/,
    )
    assert.equal((await watching.ended).code, 2)
    const late = await place.json<{ answer: string }>('workflow', 'cancel', long.id)
    assert.equal(late.answer, 'already-cancelled')

    const failed = await start(place, chain([step(add, { a: 1, b: 1 }), step(broken)]))
    const ended = await place.run(['workflow', 'result', failed.id, '--json'])
    assert.equal(ended.code, 1)
    assert.equal((JSON.parse(ended.stdout) as FlowJson).counts['failed'], 1)
    const again = await place.does('workflow', 'retry', failed.id)
    assert.notEqual(again, failed.id)
    assert.equal((await place.run(['workflow', 'result', again])).code, 1)
    assert.match(
      await place.does('workflow', 'tree', again),
      /^failed .+\n└─ 2 {2}failed {2}broken .+it broke$/,
    )
    const first = await place.does('workflow', 'retry', failed.id, '--from', '1')
    assert.equal((await place.run(['workflow', 'result', first])).code, 1)
    const tree = await place.does('workflow', 'tree', first)
    assert.match(tree, /├─ 1 {2}completed {2}add .+\n└─ 2 {2}failed {2}broken /)
    const shown = await place.does('workflow', 'show', first)
    assert.match(shown, new RegExp(`retry of +${failed.id}, from node 1`))
    const none = await place.run(['workflow', 'retry', failed.id, '--from', '7'])
    assert.equal(none.code, 64)
    assert.match(none.stderr, /has no node 7\nhint: `tree` shows/)
  })

  test('that are not there, or not named, are said to be so', async () => {
    await using place = await Place.make(defaultKind)
    await start(place, sum)
    const code = async (...args: string[]): Promise<number | null> =>
      (await place.run(['workflow', ...args])).code
    const missing = await place.run(['workflow', 'show', 'nobody'])
    assert.equal(missing.code, 66)
    assert.match(missing.stderr, /WORKFLOW_NOT_FOUND/)
    assert.equal(await code('tree', '--key', 'nobody'), 66)
    assert.equal(await code('show'), 64)
    assert.equal(await code('show', 'a', '--key', 'b'), 64)
    assert.equal(await code('pause', 'nobody'), 66)
    assert.equal(await code('list', '--state', 'parked'), 64)
    const early = await place.run(['workflow', 'cancel', 'comes-later'])
    assert.equal(early.code, 66)
    assert.match(early.stdout, /no such workflow; the cancel waits for it/)
    assert.equal(await code('import', 'missing.json'), 64)
  })

  test('start takes a file, or standard input, and says what is wrong with it', async () => {
    await using place = await Place.make(defaultKind)
    const graph = workflowGraph(sum)
    writeFileSync(place.path('sum.json'), JSON.stringify(graph))
    const id = await place.does('workflow', 'start', 'sum.json', '--key', 'sum', '--tag', 't')
    const flow = await place.json<FlowJson>('workflow', 'show', '--key', 'sum')
    assert.deepEqual([flow.id, flow.counts['queued'], flow.counts['waiting']], [id, 1, 1])
    const again = await place.run(['workflow', 'start', 'sum.json', '--key', 'sum'])
    assert.deepEqual([again.code, again.stdout], [0, `${id}\n`])
    assert.match(again.stderr, /was there already; nothing was started/)
    const stdin = JSON.stringify({ version: 1, nodes: [{ node: 1, step: { task: 'add' } }] })
    const input = ['{"a":1,"b":2}', '--id', 'one']
    const taking = ['--key', 'sum', '--on-conflict', 'replace', '--by', 'ada']
    const taken = await place.run(['workflow', 'start', 'sum.json', ...taking])
    assert.match(taken.stderr, new RegExp(`note: it takes the place of workflow ${id}`))
    assert.match(await place.does('workflow', 'show', id), /asked +cancel.+ada: replaced by /)
    assert.equal((await place.runAlone(['workflow', 'start', '-', ...input], { stdin })).code, 0)
    await place.worker()
    assert.equal(await place.does('workflow', 'result', 'one'), '3')
    const wrong = { ...graph, nodes: graph.nodes.slice(0, 1) }
    const refused = await place.runAlone(['workflow', 'start', '-'], {
      stdin: JSON.stringify(wrong),
    })
    assert.equal(refused.code, 65)
    assert.match(refused.stderr, /there is no node 2/)
    assert.equal((await place.runAlone(['workflow', 'start', '-'], { stdin: '[]' })).code, 64)
    assert.equal((await place.run(['workflow', 'start', 'none.json'])).code, 64)
  })
})
