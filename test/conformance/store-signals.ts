/** Signals to handlers, and the record of all that was asked. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Saved, SignalOutcome } from '../../src/core/run/events.ts'
import { stopVerbs } from '../../src/core/run/transitions.ts'
import type {
  Signalled,
  SignalQuery,
  SignalRecord,
  SignalRequest,
  Target,
} from '../../src/store/store.ts'
import { boom, eventOf, retry } from '../core/samples.ts'
import { plainCall, type StoreBed } from '../store/bed.ts'
import { held, pause, receive, receiving, report } from './store-reins.ts'
import type { Promises } from './promises.ts'

const all = { after: -1, limit: 1000 } as const
const recordOf = (bed: StoreBed, query: SignalQuery = {}): Promise<readonly SignalRecord[]> =>
  bed.store.signals(query, all)

async function only(bed: StoreBed, query: SignalQuery): Promise<SignalRecord> {
  const [row, ...others] = await recordOf(bed, query)
  assert.ok(row)
  assert.equal(others.length, 0, 'one row')
  return row
}

const signalRow = (bed: StoreBed, id: string): Promise<SignalRecord> =>
  only(bed, { runId: id, kinds: ['signal'] })

function send(
  bed: StoreBed,
  target: Target,
  over: Partial<SignalRequest> = {},
): Promise<readonly Signalled[]> {
  const { callId, reason, by, origin } = plainCall()
  const message = { callId, reason, by, origin, name: 'hello', payload: '1' }
  return bed.store.signal({ ...message, target, ...over })
}

const names = async (bed: StoreBed, id: string, after = -1): Promise<readonly string[]> =>
  (await bed.store.mailbox(id, after)).map(({ name }) => name)

const outcome = (position: number | null, over: Partial<SignalOutcome> = {}): SignalOutcome => {
  assert.ok(position !== null)
  return { position, reply: null, error: null, ...over }
}

const savedWith = (...signals: readonly SignalOutcome[]): Saved => ({ checkpoint: null, signals })

export const signalPromises: Promises = {
  'signals are kept in order for each run, from before its start until it is through with them':
    async (bed) => {
      const [one, two] = [await bed.add(), await bed.add({ due: { inMs: 5 } })]
      for (const name of ['a', 'b', 'a']) await bed.signal(one, name, `"${name}"`)
      await bed.signal(two, 'c')
      const kept = await bed.store.mailbox(one, -1)
      assert.deepEqual(
        kept.map(({ name, payload, runId, kind, answer }) => [name, payload, runId, kind, answer]),
        ['a', 'b', 'a'].map((name) => [name, `"${name}"`, one, 'signal', 'sent']),
      )
      assert.deepEqual(await names(bed, one, kept[0]?.position), ['b', 'a'])
      assert.deepEqual(await names(bed, two), ['c'])
      assert.deepEqual(await names(bed, 'nobody'), [])
      await bed.worker()
      await bed.take()
      await report(bed, one, { type: 'crash' })
      assert.deepEqual(await names(bed, one), ['a', 'b', 'a'])
    },

  'the worker that holds the run sees the newest signal, also one that came before the claim':
    async (bed) => {
      await bed.worker()
      const id = await bed.add()
      const first = await bed.signal(id, 'a')
      const request = { workerId: 'w1', queues: ['default'], tasks: ['work'], limit: 1 }
      const [claimed] = await bed.store.claim(request)
      assert.equal(claimed?.signalled, first.position)
      const second = await bed.signal(id, 'b')
      const [intent] = await bed.store.intents('w1')
      assert.deepEqual([intent?.signalled, intent?.intent], [second.position, null])
    },

  'a signal is delivered when it is taken, and finished once, by the current attempt alone': async (
    bed,
  ) => {
    const id = await held(bed)
    const { position } = await bed.signal(id, 'hello', '7')
    const sent = await signalRow(bed, id)
    assert.deepEqual(
      [sent.deliveredAt, sent.completedAt, sent.attempt, sent.payload, sent.by, sent.origin],
      [null, null, null, '7', 'who', 'here'],
    )
    await report(bed, id, { type: 'take', position, takenAt: bed.clock.at + 1 })
    const taken = await signalRow(bed, id)
    assert.deepEqual([taken.deliveredAt, taken.attempt], [bed.clock.at + 1, 1])
    const stale = await bed.fence(id)
    await report(bed, id, { type: 'release' })
    await bed.take()
    assert.deepEqual(await names(bed, id), ['hello'], 'what was taken and not finished is kept')
    const late = { type: 'checkpoint', fence: stale, checkpoint: null } as const
    const signals = [outcome(position, { reply: '"late"' })]
    assert.equal(await bed.apply(id, { ...late, signals }), 'stale')
    assert.equal((await signalRow(bed, id)).completedAt, null)
    bed.clock.advance(5)
    const good = [outcome(position, { reply: '"good"' })]
    assert.equal(
      await report(bed, id, { type: 'checkpoint', checkpoint: '1', signals: good }),
      'done',
    )
    await report(bed, id, { type: 'checkpoint', checkpoint: null, signals })
    const done = await signalRow(bed, id)
    assert.deepEqual(
      [done.reply, done.error, done.completedAt, done.attempt, done.deliveredAt],
      ['"good"', null, bed.clock.at, 2, taken.deliveredAt],
    )
    assert.deepEqual(await names(bed, id), [])
  },

  'of several outcomes of one signal in one turn the first counts': async (bed) => {
    const id = await held(bed)
    const { position } = await bed.signal(id, 'hello')
    const fence = await bed.fence(id)
    const calls = ['1', '2', '3'].map((reply) => {
      const signals = [outcome(position, { reply })]
      return { runId: id, event: { type: 'checkpoint', fence, checkpoint: null, signals } as const }
    })
    assert.deepEqual(await bed.store.apply(calls), ['done', 'done', 'done'])
    assert.equal((await signalRow(bed, id)).reply, '1')
  },

  'what is finished without having been taken was delivered then; an error is kept': async (
    bed,
  ) => {
    const id = await held(bed)
    const { position } = await bed.signal(id, 'hello')
    const signals = [outcome(position, { error: boom })]
    await report(bed, id, { type: 'checkpoint', checkpoint: null, signals })
    const { deliveredAt, completedAt, error, reply } = await signalRow(bed, id)
    assert.deepEqual(
      [deliveredAt, completedAt, error, reply],
      [bed.clock.at, bed.clock.at, boom, null],
    )
  },

  'outcomes that go with an end are kept with it, whatever the end, and the rest is refused':
    async (bed) => {
      const ends = [
        { type: 'complete' },
        { type: 'complete', deliveredAt: 5 },
        { type: 'fail', retry: { ...retry, attempts: 1 } },
        { type: 'crash', retry: { ...retry, crashes: 1 } },
        { type: 'stop' },
        { type: 'release', mode: 'cooperative' },
        { type: 'park' },
      ] as const
      for (const end of ends) {
        const id = await held(bed)
        const { position } = await bed.signal(id, 'heard')
        await bed.signal(id, 'unheard')
        await bed.askOne('cancel', id)
        const saved = savedWith(outcome(position, { reply: '"ok"' }))
        assert.equal(await report(bed, id, { ...end, saved }), 'done')
        const [heard, unheard] = await recordOf(bed, { runId: id, kinds: ['signal'] })
        assert.deepEqual([heard?.reply, heard?.error], ['"ok"', null], end.type)
        assert.deepEqual(
          [unheard?.error?.code, unheard?.completedAt, unheard?.deliveredAt],
          ['SIGNAL_UNHEARD', bed.clock.at, null],
          end.type,
        )
      }
    },

  'outcomes that go with a pause or a wait are kept with it, and the rest is kept for later':
    async (bed) => {
      for (const end of ['park', 'wait', 'release', 'fail'] as const) {
        const id = await held(bed)
        const { position } = await bed.signal(id, 'heard')
        await bed.signal(id, 'later')
        await pause(bed, id)
        const how = end === 'wait' ? receive : {}
        await report(bed, id, { ...how, type: end, saved: savedWith(outcome(position)) })
        assert.equal(await bed.state(id), 'paused')
        assert.deepEqual(await names(bed, id), ['later'], end)
      }
    },

  'signals that nobody has dealt with are refused at the end, whichever way it comes': async (
    bed,
  ) => {
    const unheard = async (id: string, how: string): Promise<void> => {
      const { error, completedAt } = await signalRow(bed, id)
      assert.deepEqual([error?.code, completedAt], ['SIGNAL_UNHEARD', bed.clock.at], how)
      assert.deepEqual(await names(bed, id), [])
      assert.equal((await bed.get(id)).signalled, null)
    }
    const completed = await held(bed)
    await bed.signal(completed, 'hello')
    await bed.finish(completed)
    await unheard(completed, 'completed')
    for (const verb of stopVerbs) {
      const id = await bed.add()
      await bed.signal(id, 'hello')
      await bed.askOne(verb, id)
      await unheard(id, verb)
    }
    const filtered = await bed.add({ tags: ['t'] })
    await bed.signal(filtered, 'hello')
    await bed.ask('cancel', { filter: { tag: 't' } })
    await unheard(filtered, 'by a filter')
    const expired = await bed.add({ ttlMs: 5 })
    await bed.signal(expired, 'hello')
    await bed.pass(5)
    await unheard(expired, 'expired')
    const late = await bed.add({ deadline: { inMs: 5 } })
    await bed.signal(late, 'hello')
    await bed.pass(5)
    await unheard(late, 'past its deadline')
    const replaced = await bed.add({ key: 'k' })
    await bed.signal(replaced, 'hello')
    await bed.add({ key: 'k', onConflict: 'replace' })
    await unheard(replaced, 'replaced')
    const lost = await held(bed)
    await bed.signal(lost, 'hello')
    await bed.askOne('cancel', lost)
    await bed.pass(10_000)
    await unheard(lost, 'its worker lost')
  },

  'signals are refused where a roll-back begins': async (bed) => {
    const id = await held(bed)
    await bed.signal(id, 'hello')
    await bed.ask('cancel', { ids: [id] }, { rollback: true })
    await report(bed, id, { type: 'stop' })
    assert.equal((await bed.get(id)).rollback?.state, 'pending')
    assert.equal((await signalRow(bed, id)).error?.code, 'SIGNAL_UNHEARD')
  },

  'a signal to a run that has ended is too late, to an unknown one not found; both are on record':
    async (bed) => {
      const id = await held(bed)
      await bed.finish(id)
      const late = await bed.signal(id, 'hello')
      assert.equal(late.answer, 'too-late')
      const { answer, error, completedAt, position } = await signalRow(bed, id)
      assert.deepEqual(
        [answer, error?.code, completedAt, position],
        ['too-late', 'SIGNAL_UNHEARD', bed.clock.at, late.position],
      )
      assert.deepEqual(await bed.signal('nobody', 'hello'), {
        runId: 'nobody',
        answer: 'not-found',
        position: null,
      })
      assert.equal((await signalRow(bed, 'nobody')).answer, 'not-found')
      assert.deepEqual(await send(bed, { task: 'work', key: 'none' }, { callId: 'k' }), [
        { runId: null, answer: 'not-found', position: null },
      ])
      const row = await only(bed, { callIds: ['k'] })
      assert.deepEqual(
        [row.kind, row.name, row.answer, row.target, row.completedAt],
        ['signal', 'hello', 'not-found', { task: 'work', key: 'none' }, bed.clock.at],
      )
    },

  'the same call made twice is one signal, for each run': async (bed) => {
    const [one, two] = [await bed.add(), await bed.add()]
    const callId = randomUUID()
    const target = { ids: [one, two, one] }
    const first = await send(bed, target, { callId })
    assert.deepEqual(
      first.map(({ answer }) => answer),
      ['sent', 'sent', 'sent'],
    )
    assert.equal(first[0]?.position, first[2]?.position)
    assert.deepEqual(await send(bed, target, { callId }), first)
    assert.deepEqual([await names(bed, one), await names(bed, two)], [['hello'], ['hello']])
    await bed.worker()
    await bed.take()
    await bed.finish(one)
    assert.deepEqual(await send(bed, target, { callId }), first, 'the answer is the first one')
    const feed = await bed.store.feed({ runId: two, after: 0, limit: 100 })
    assert.equal(feed.filter(({ type }) => type === 'signal').length, 1)
  },

  'a call that found no run may be made again when there is one': async (bed) => {
    const callId = randomUUID()
    await send(bed, { ids: ['later'] }, { callId })
    const id = await bed.add({ id: 'later' })
    const newer = await bed.signal(id, 'newer')
    const [sent] = await send(bed, { ids: [id] }, { callId })
    assert.equal(sent?.answer, 'sent')
    assert.deepEqual(await names(bed, id), ['newer', 'hello'])
    assert.equal((await bed.get(id)).signalled, sent?.position)
    const unread = await bed.store.mailbox(id, newer.position ?? 0)
    assert.deepEqual(
      unread.map(({ position }) => position),
      [sent?.position],
      'whoever has read the newer one finds it, too',
    )
    assert.deepEqual(await send(bed, { ids: [id] }, { callId }), [sent])
  },

  'the same call to whoever holds a key is one signal, also where another run holds it by now':
    async (bed) => {
      const one = await held(bed, { key: 'k' })
      const callId = randomUUID()
      const first = await send(bed, { task: 'work', key: 'k' }, { callId })
      await bed.finish(one)
      const two = await bed.add({ key: 'k' })
      assert.deepEqual(await send(bed, { task: 'work', key: 'k' }, { callId }), first)
      assert.deepEqual(await names(bed, two), [])
    },

  'a wait is not ended by a signal that the handler has, and is not through with': async (bed) => {
    const id = await held(bed)
    const { position } = await bed.signal(id, 'hello')
    assert.equal(await report(bed, id, { ...receive, wakeInMs: null, taken: [position] }), 'done')
    assert.equal(await bed.state(id), 'waiting')
    await bed.signal(id, 'hello')
    assert.equal(await bed.state(id), 'queued')
  },

  'a key means the run that holds it, and a filter every run that is not final': async (bed) => {
    const keyed = await bed.add({ key: 'k' })
    const done = await held(bed, { tags: ['t'] })
    await bed.finish(done)
    const [running, queued] = [await held(bed, { tags: ['t'] }), await bed.add({ tags: ['t'] })]
    assert.deepEqual(
      (await send(bed, { task: 'work', key: 'k' })).map(({ runId }) => runId),
      [keyed],
    )
    const callId = randomUUID()
    const sent = await send(bed, { filter: { tag: 't' } }, { callId })
    assert.deepEqual(
      sent.map(({ runId, answer }) => [runId, answer]),
      [
        [running, 'sent'],
        [queued, 'sent'],
      ],
    )
    assert.deepEqual(
      [await names(bed, running), await names(bed, queued), await names(bed, done)],
      [['hello'], ['hello'], []],
    )
    const [bulk] = await bed.store.bulks([callId])
    assert.deepEqual([bulk?.verb, bulk?.counts, bulk?.doneCount], ['signal', { sent: 2 }, 2])
    const row = await only(bed, { callIds: [callId], kinds: ['bulk'] })
    assert.deepEqual(
      [row.name, row.payload, row.target, row.reply],
      ['hello', '1', { tag: 't' }, '{"sent":2}'],
    )
  },

  'signals go with a prune of their run, and never before': async (bed) => {
    const id = await held(bed)
    await bed.signal(id, 'hello')
    await bed.finish(id)
    bed.clock.advance(100)
    await bed.store.prune({ completed: null, failed: null, cancelled: null, audit: 0 }, 10)
    assert.equal((await signalRow(bed, id)).error?.code, 'SIGNAL_UNHEARD')
    await bed.store.prune({ completed: 0, failed: null, cancelled: null, audit: null }, 10)
    assert.deepEqual(await recordOf(bed, { kinds: ['signal'] }), [])
  },

  'a signal that came while a run began to wait, sent in one turn, is never missed': async (
    bed,
  ) => {
    for (let turn = 0; turn < 20; turn++) {
      const id = await held(bed)
      const wait = eventOf('wait', await bed.fence(id))
      const waiting = bed.apply(id, { ...wait, ...receive, wakeInMs: null })
      const calls = [waiting, bed.signal(id, 'hello')]
      await Promise.all(turn % 2 === 0 ? calls : calls.toReversed())
      assert.equal(await bed.state(id), 'queued')
      await bed.askOne('cancel', id)
    }
  },
}

/** Each verb on a run of its own, so that something comes of it. */
export const recordPromises: Promises = {
  'every verb is on record: who, why, from where, when, and what it came to': async (bed) => {
    for (const verb of [...stopVerbs, 'pause'] as const) {
      const id = await bed.add()
      await bed.askOne(verb, id)
      const row = await only(bed, { runId: id })
      assert.deepEqual(
        [row.kind, row.name, row.by, row.reason, row.origin, row.createdAt, row.completedAt],
        ['control', verb, 'who', 'why', 'here', bed.clock.at, bed.clock.at],
      )
      assert.equal(row.answer, verb === 'pause' ? 'paused' : 'prevented')
    }
    const [answered] = await bed.ask('resume', { ids: ['nobody'] })
    assert.equal(answered?.answer, 'not-found')
    assert.equal((await only(bed, { runId: 'nobody' })).answer, 'not-found')
    await bed.ask('cancel', { task: 'work', key: 'none' }, { callId: 'k' })
    const row = await only(bed, { callIds: ['k'] })
    assert.deepEqual([row.answer, row.target], ['not-found', { task: 'work', key: 'none' }])
    assert.match(row.payload ?? '', /tombstoneUntil/)
  },

  'a request says when it reached the handler, when it was over, and what came of it': async (
    bed,
  ) => {
    const id = await held(bed)
    await bed.askOne('cancel', id)
    const asked = await only(bed, { runId: id })
    assert.deepEqual(
      [asked.answer, asked.deliveredAt, asked.completedAt],
      ['requested', null, null],
    )
    await report(bed, id, { type: 'deliver', deliveredAt: bed.clock.at + 1 })
    bed.clock.advance(10)
    await report(bed, id, { type: 'stop', mode: 'forced' })
    const { deliveredAt, attempt, completedAt, reply } = await only(bed, { runId: id })
    assert.deepEqual([deliveredAt, attempt, completedAt], [bed.clock.at - 9, 1, bed.clock.at])
    assert.deepEqual(JSON.parse(reply ?? ''), {
      state: 'cancelled',
      mode: 'forced',
      confirmed: true,
    })
  },

  'a delivery that only the end tells of is on record, too': async (bed) => {
    const id = await held(bed)
    await bed.askOne('cancel', id)
    await report(bed, id, { type: 'complete', deliveredAt: 5 })
    const { deliveredAt, attempt, reply } = await only(bed, { runId: id })
    assert.deepEqual([deliveredAt, attempt], [5, 1])
    assert.equal((JSON.parse(reply ?? '') as { mode: string }).mode, 'cooperative')
    const outrun = await held(bed)
    await bed.askOne('revoke', outrun)
    await bed.finish(outrun)
    const row = await only(bed, { runId: outrun })
    assert.deepEqual([row.deliveredAt, row.reply], [null, '{"state":"completed"}'])
  },

  'a pause is over when the run has parked, or was resumed, or was lost': async (bed) => {
    const parked = await held(bed)
    await pause(bed, parked)
    await report(bed, parked, { type: 'park' })
    const back = await held(bed)
    await pause(bed, back)
    assert.equal((await only(bed, { runId: back })).completedAt, null)
    await bed.askOne('resume', back)
    const lost = await held(bed)
    await pause(bed, lost)
    await bed.pass(10_000)
    const pauses = { kinds: ['control'], names: ['pause'] } as const
    for (const [id, state] of [
      [parked, 'paused'],
      [back, 'running'],
      [lost, 'paused'],
    ] as const) {
      const { completedAt, reply } = await only(bed, { runId: id, ...pauses })
      assert.ok(completedAt !== null)
      assert.deepEqual(JSON.parse(reply ?? ''), { state })
    }
  },

  'what was taken back in the same turn is not left open': async (bed) => {
    const id = await held(bed)
    await Promise.all([bed.askOne('pause', id), bed.askOne('resume', id)])
    assert.equal((await bed.get(id)).intent, null)
    assert.deepEqual(await recordOf(bed, { runId: id, isPending: true }), [])
    await Promise.all([bed.askOne('pause', id), bed.askOne('resume', id), bed.askOne('pause', id)])
    const open = await recordOf(bed, { runId: id, isPending: true })
    assert.ok(open.length > 0)
    await report(bed, id, { type: 'park' })
    assert.deepEqual(await recordOf(bed, { runId: id, isPending: true }), [])
    assert.equal((await recordOf(bed, { runId: id })).length, 5)
  },

  'an id that comes twice in one call is one row, with the answer that counted': async (bed) => {
    const id = await bed.add()
    await bed.ask('cancel', { ids: [id, id] })
    assert.equal((await only(bed, { runId: id })).answer, 'prevented')
  },

  'a call that is made again is on record once': async (bed) => {
    const callId = randomUUID()
    const id = await bed.add({ tags: ['t'] })
    for (const target of [{ ids: [id] }, { filter: { tag: 't' } }, { task: 'work', key: 'k' }]) {
      const call = `${callId}-${Object.keys(target).join()}`
      for (let turn = 0; turn < 2; turn++) await bed.ask('pause', target, { callId: call })
      await only(bed, { callIds: [call] })
    }
    assert.deepEqual(await recordOf(bed, { isPending: true }), [])
  },

  'who replaced a run is on record, under the id of the run that did': async (bed) => {
    const old = await bed.add({ key: 'k' })
    const next = await bed.add({ key: 'k', onConflict: 'replace' })
    const row = await only(bed, { runId: old })
    assert.deepEqual(
      [row.name, row.callId, row.reason, row.answer],
      ['cancel', next, `replaced by ${next}`, 'prevented'],
    )
  },

  'it can be asked by run, caller, kind, name, time and what is open, and paged both ways': async (
    bed,
  ) => {
    const [one, two] = [await held(bed), await bed.add()]
    await bed.ask('cancel', { ids: [one] }, { by: 'ada', callId: 'c1' })
    bed.clock.advance(10)
    await bed.ask('pause', { ids: [two] }, { by: 'bob', callId: 'c2' })
    await send(bed, { ids: [two] }, { by: 'ada', callId: 'c3' })
    bed.clock.advance(10)
    await bed.ask('pause', { filter: { state: 'queued' } }, { by: 'bob', callId: 'c4' })
    const found = async (query: SignalQuery): Promise<readonly string[]> =>
      (await recordOf(bed, query)).map(({ callId }) => callId)
    const { at } = bed.clock
    const cases: readonly (readonly [SignalQuery, readonly string[]])[] = [
      [{}, ['c1', 'c2', 'c3', 'c4']],
      [{ runId: two }, ['c2', 'c3']],
      [{ by: 'ada' }, ['c1', 'c3']],
      [{ by: 'ada', runId: one }, ['c1']],
      [{ kinds: ['control', 'bulk'] }, ['c1', 'c2', 'c4']],
      [{ kinds: ['signal'] }, ['c3']],
      [{ names: ['pause', 'hello'] }, ['c2', 'c3', 'c4']],
      [{ createdAfter: at - 20 }, ['c2', 'c3', 'c4']],
      [{ createdBefore: at }, ['c1', 'c2', 'c3']],
      [{ createdAfter: at - 20, createdBefore: at }, ['c2', 'c3']],
      [{ isPending: true }, ['c1', 'c3']],
      [{ callIds: ['c4', 'c1', 'none'] }, ['c1', 'c4']],
      [{ callIds: [] }, []],
      [{ by: 'nobody' }, []],
    ]
    for (const [query, expected] of cases)
      assert.deepEqual(await found(query), expected, JSON.stringify(query))
    const page = async (how: { after?: number; before?: number }): Promise<string[]> =>
      (await bed.store.signals({}, { ...how, limit: 2 })).map(({ callId }) => callId)
    const rows = await recordOf(bed)
    const at1 = (nth: number): number => rows[nth]?.position ?? 0
    assert.deepEqual(await page({}), ['c4', 'c3'])
    assert.deepEqual(await page({ before: at1(2) }), ['c2', 'c1'])
    assert.deepEqual(await page({ before: at1(0) }), [])
    assert.deepEqual(await page({ after: -1 }), ['c1', 'c2'])
    assert.deepEqual(await page({ after: at1(1) }), ['c3', 'c4'])
    assert.deepEqual(await page({ after: at1(3) }), [])
  },

  'the record goes by its own retention, what is open stays, and so does what runs still need':
    async (bed) => {
      const [two, one] = [await held(bed), await bed.add()]
      await bed.askOne('cancel', one)
      await bed.askOne('cancel', two)
      await bed.signal(two, 'hello')
      await bed.signal('nobody', 'hello')
      await bed.ask('pause', { filter: {} }, { callId: 'b' })
      const kept = { completed: null, failed: null, cancelled: null } as const
      bed.clock.advance(100)
      await bed.store.prune({ ...kept, audit: null }, 100)
      await bed.store.prune({ ...kept, audit: 101 }, 100)
      assert.equal((await recordOf(bed)).length, 5)
      await bed.store.prune({ completed: 0, failed: 0, cancelled: 0, audit: null }, 100)
      assert.equal(await bed.store.get(one), null)
      assert.equal((await only(bed, { runId: one })).name, 'cancel', 'longer than the run')
      await bed.store.prune({ ...kept, audit: 99 }, 100)
      assert.deepEqual(
        (await recordOf(bed)).map(({ kind, runId }) => [kind, runId]),
        [
          ['control', two],
          ['signal', two],
        ],
      )
      assert.deepEqual(await bed.store.bulks(null), [])
    },

  'waits and wakes stand in the feed, with what they are for': async (bed) => {
    const id = await receiving(bed)
    const { position } = await bed.signal(id, 'hello')
    const feed = await bed.store.feed({ runId: id, after: 0, limit: 100 })
    assert.deepEqual(
      feed.slice(-2).map(({ type, state, data }) => [type, state, data]),
      [
        ['wait', 'waiting', { signal: 'hello', wakeAt: bed.clock.at + 5000 }],
        ['signal', 'queued', { name: 'hello', position, answer: 'sent' }],
      ],
    )
  },
}
