/** Waiting on the command line for what was asked in another place. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { chain, connect, step } from '../../src/index.ts'
import { defaultKind } from '../support/bed.ts'
import { Place } from './cli.ts'
import { add } from './tasks.ts'

void suite('waiting on the command line', () => {
  test('wait exits by the outcome: reached, missed, not yet, nobody', async () => {
    await using place = await Place.make(defaultKind)
    const id = await place.does('enqueue', 'counter')
    const pending = await place.run(['wait', id, '--timeout', '10ms'])
    assert.deepEqual([pending.code, pending.stdout], [75, `${id}  pending  queued\n`])
    assert.equal((await place.run(['wait', id, '--until', 'stopped'])).code, 3)
    await place.does('pause', id)
    assert.match(await place.does('wait', id, '--until', 'paused'), /reached +paused/)
    await place.does('cancel', id)
    const ended = await place.run(['wait', id, '--json'])
    assert.equal(ended.code, 2)
    const { outcome, run } = JSON.parse(ended.stdout) as { outcome: string; run: { id: string } }
    assert.deepEqual([outcome, run.id], ['reached', id])
    assert.equal((await place.run(['wait', 'nobody'])).code, 66)
    assert.equal((await place.run(['wait', id, '--until', 'dawn'])).code, 64)
  })

  test('reply shows what a handler answered to a signal that was sent before', async () => {
    await using place = await Place.make(defaultKind)
    await place.worker()
    const id = await place.begun('counter')
    const [sent] = await place.json<{ callId: string }[]>('signal', id, 'add', '1000')
    const callId = sent?.callId ?? ''
    assert.match(await place.does('reply', id, '--call-id', callId), /reached +\d{4,}$/)
    const [failing] = await place.json<{ callId: string }[]>('signal', id, 'fail')
    const failed = await place.run(['reply', id, '--call-id', failing?.callId ?? ''])
    assert.equal(failed.code, 1)
    assert.match(failed.stdout, /missed +failed: .*it cannot/)
    assert.equal((await place.run(['reply', id])).code, 64)
    assert.equal((await place.run(['reply', id, '--call-id', 'none'])).code, 66)
  })

  test('workflow wait waits by id or key', async () => {
    await using place = await Place.make(defaultKind)
    await using client = await connect(place.url ?? `sqlite:${place.path('checkrein.db')}`)
    const { id } = await client.startWorkflow(chain([step(add, { a: 1, b: 2 })]), { key: 'sum' })
    const pending = await place.run(['workflow', 'wait', '--key', 'sum', '--timeout', '10ms'])
    assert.deepEqual([pending.code, pending.stdout], [75, `${id}  pending  running\n`])
    await place.worker()
    assert.match(await place.does('workflow', 'wait', id), /reached +completed/)
  })
})
