/** Queues and tasks, and the record of one run, on the command line. */
import assert from 'node:assert/strict'
import { randomUUIDv7 } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { defaultKind } from '../support/bed.ts'
import { Place } from './cli.ts'

interface LanesJson {
  readonly lanes: readonly {
    readonly queue: string
    readonly counts: Readonly<Record<string, number>>
    readonly oldestQueuedAt: string
  }[]
}

void suite('looking at the whole', () => {
  test('lanes and tasks say how many runs there are, who serves them, and what holds them', async () => {
    await using place = await Place.make(defaultKind)
    await place.does('enqueue', 'add', '--queue', 'media')
    await place.does('pause', '--queue', 'media', '--reason', 'full')
    assert.match(
      await place.does('lanes'),
      /media +add +1 +0 +0 +0 +0 +(just now|\d.* ago) +none +pause: full/,
    )
    assert.match(await place.does('tasks'), /add +media +1 +0 +0 +0 +0 +none/)
    await place.worker()
    assert.match(await place.does('tasks'), /counter +default +0 +0 +0 +0 +0 +1 +\w+, \d crashes/)
    const { lanes } = await place.json<LanesJson>('lanes')
    assert.deepEqual([lanes[0]?.queue, lanes[0]?.counts['queued']], ['media', 1])
    assert.match(lanes[0]?.oldestQueuedAt ?? '', /^\d{4}-.+Z$/)
  })

  test('signals are read page by page', async () => {
    await using place = await Place.make(defaultKind)
    const id = await place.does('enqueue', 'add')
    assert.equal(await place.does('signals', id), 'nothing was asked of it')
    await place.does('signal', id, 'hello', '1')
    await place.does('pause', id, '--origin', 'a desk')
    const first = await place.does('signals', id, '--limit', '1')
    const [, cursor = ''] = /hello 1[^]*more: the same with --cursor (\d+)$/.exec(first) ?? []
    assert.match(await place.does('signals', id, '--cursor', cursor), /^AT.*\n.* pause .*paused$/)
    const page = await place.json<{ entries: { origin: string }[]; cursor: null }>('signals', id)
    assert.deepEqual([page.entries.length, page.entries[1]?.origin], [2, 'a desk'])
    assert.equal((await place.run(['signals', 'nobody'])).code, 66)
  })

  test('list and workflow tree leave payloads out, unless they are asked for', async () => {
    await using place = await Place.make(defaultKind)
    const graph = { version: 1, nodes: [{ node: 1, step: { task: 'add', bound: '{"a":1}' } }] }
    writeFileSync(place.path('one.json'), JSON.stringify(graph))
    const id = await place.does('workflow', 'start', 'one.json')
    interface Listed {
      readonly runs: readonly { readonly input?: unknown }[]
    }
    interface Tree {
      readonly tree: { readonly steps: readonly { readonly run: { readonly input?: unknown } }[] }
    }
    const slim = await place.json<Listed>('list')
    assert.ok(slim.runs[0] && !('input' in slim.runs[0]))
    const { runs } = await place.json<Listed>('list', '--payloads')
    assert.deepEqual(runs[0]?.input, { a: 1 })
    const { tree } = await place.json<Tree>('workflow', 'tree', id)
    assert.ok(tree.steps[0] && !('input' in tree.steps[0].run))
    const whole = await place.json<Tree>('workflow', 'tree', id, '--payloads')
    assert.deepEqual(whole.tree.steps[0]?.run.input, { a: 1 })
  })

  test('bulk --abort ends a verb on a filter, and says where there is nothing to end', async () => {
    await using place = await Place.make(defaultKind)
    await place.does('enqueue', 'add', '--tag', 't')
    const callId = randomUUIDv7()
    await place.does('pause', '--tag', 't', '--yes', '--call-id', callId)
    const through = await place.run(['bulk', callId, '--abort', '--reason', 'late'])
    assert.deepEqual([through.code, /finished/.test(through.stdout)], [3, true])
    assert.equal((await place.run(['bulk', randomUUIDv7(), '--abort'])).code, 66)
    assert.equal((await place.run(['bulk', '--abort'])).code, 64)
    const { id } = await place.json<{ id: string }>('hold', 'pause', '--tag', 't', '--yes')
    const ofHold = await place.run(['bulk', `${id}/pause-scheduled`, '--abort'])
    assert.deepEqual([ofHold.code, /Lift the hold/.test(ofHold.stderr)], [64, true])
    assert.match(
      await place.does('audit', '--name', 'bulk'),
      /lift bulk +bulk \S+ +late .*too late/,
    )
  })
})
