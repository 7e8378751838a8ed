/** Pausing, signals, holds and the record, on the command line. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { defaultKind, eventually } from '../support/bed.ts'
import { Place } from './cli.ts'

interface EntryJson {
  readonly kind: string
  readonly name: string
  readonly by: string | null
  readonly origin: string
  readonly createdAt: string
  readonly payload: unknown
}

interface HoldJson {
  readonly id: string
  readonly verb: string
  readonly filter: Readonly<Record<string, unknown>>
  readonly until: string | null
}

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

// What the store makes of it is tested on both; a process for each command is dear.
for (const on of [defaultKind]) {
  void suite(`the reins, on ${on}`, () => {
    test('pause waits until a run has parked, resume lets it go on, and show tells all of it', async () => {
      await using place = await Place.make(on)
      await place.works()
      const id = await place.begun('counter', '--deadline', '2h')
      const paused = await place.run([
        'pause',
        id,
        '--by',
        'ada',
        '--reason',
        'lunch',
        '--for',
        '1h',
      ])
      assert.deepEqual([paused.code, paused.stdout], [0, `${id}  paused\n`])
      const shown = await place.does('show', id)
      assert.match(shown, /^paused +\S+\n/)
      assert.match(shown, /paused +since .+ by ada: lunch, until /)
      assert.match(shown, /checkpoint +\{"done":\d+\}, /)
      assert.match(shown, /deadline +\d{4}-/)
      assert.match(shown, /pause asked by ada: lunch \(cli on \S+ pid \d+\), until .+: requested/)
      assert.match(shown, /parked at a checkpoint; paused/)
      const { run } = await place.json<{ run: { paused: { until: string } } }>('show', id)
      assert.match(run.paused.until, instant)
      const [resumed] = await place.json<{ answer: string }[]>('resume', id)
      assert.equal(resumed?.answer, 'resumed')
      await place.does('signal', id, 'finish')
      const ended = await place.run(['watch', id])
      assert.equal(ended.code, 0)
      assert.equal((await place.run(['pause', id])).code, 3)
      assert.equal((await place.run(['pause', 'nobody'])).code, 66)
    })

    test('a pause that nobody hears of is pending; freeze reaches what spins; cancel ends it there', async () => {
      await using place = await Place.make(on)
      await place.works()
      const polite = await place.begun('polite')
      const pending = await place.run(['pause', polite, '--timeout', '10ms'])
      assert.equal(pending.code, 75)
      assert.match(pending.stdout, /pending +not confirmed yet/)
      assert.match(await place.does('list'), /pausing/)
      const stubborn = await place.begun('stubborn')
      const frozen = await place.run(['freeze', stubborn])
      assert.deepEqual([frozen.code, frozen.stdout], [0, `${stubborn}  paused  frozen\n`])
      assert.match(await place.does('show', stubborn), /^frozen .+[^]*its process is frozen/)
      await place.does('cancel', stubborn, '--grace', '10ms')
    })

    test('a signal gets its reply, its error, or the reason why there is none', async () => {
      await using place = await Place.make(on)
      await place.works()
      const id = await place.begun('counter')
      const [sent] = await place.json<{ reply: number; position: number }[]>(
        ...['signal', id, 'add', '1000', '--wait', '--by', 'ada'],
      )
      assert.ok(sent && sent.reply > 1000)
      const failed = await place.run(['signal', id, 'fail', '--wait'])
      assert.equal(failed.code, 1)
      assert.match(failed.stdout, /SIGNAL_FAILED: .*it cannot/)
      const unfit = await place.run(['signal', id, 'add', '"two"', '--wait'])
      assert.equal(unfit.code, 65)
      assert.match(unfit.stdout, /SIGNAL_REJECTED/)
      const tagged = await place.begun('counter', '--tag', 't')
      assert.match(await place.does('signal', '--tag', 't', '--yes', 'finish'), /^\S+ +sent$/)
      await place.run(['watch', tagged])
      let shown = ''
      await eventually(async () => {
        shown = await place.does('show', id)
        return /\d+ checkpoints, the last/.test(shown)
      }, 'there are so many checkpoints that they are shown as one')
      assert.match(shown, /Signals\n.+add 1000 by ada +replied \d+\n.+fail by .+ failed: it cannot/)
      assert.match(shown, /signal add 1000 sent by ada \(cli on/)
      assert.match(shown, /signal add 1000 has reached the handler/)
      const listed = await place.does('signals', id)
      assert.match(listed, /signal +add 1000 +ada +replied \d+\n/)
      await place.does('cancel', id)
      assert.equal((await place.run(['signal', id, 'add', '1'])).code, 3)
      assert.equal((await place.run(['signal', 'nobody', 'add', '1'])).code, 66)
    })

    test('cancel --rollback waits for the roll-back, and says what came of it', async () => {
      await using place = await Place.make(on)
      await place.works()
      const id = await place.begun('counter')
      await place.does('pause', id)
      const { code, stdout } = await place.run(['cancel', id, '--rollback'])
      assert.equal(code, 0)
      assert.match(stdout, /prevented: nothing of it was running; roll-back completed\n$/)
      const shown = await place.does('show', id)
      assert.match(shown, /roll-back +completed/)
      assert.match(shown, /\| undoing \{"done":\d+\}/)
      assert.match(shown, /roll-back completed, cancelled/)
    })

    test('a queue is held until it is resumed, and list marks what that keeps back', async () => {
      await using place = await Place.make(on)
      await place.does('enqueue', 'add', '--queue', 'media', '--id', 'held')
      await place.does('enqueue', 'add', '--id', 'free')
      const made = await place.does('pause', '--queue', 'media', '--for', '2h', '--reason', 'full')
      assert.match(made, /pause stands for queue media by .+: full, until /)
      const list = await place.does('list')
      assert.match(list, /held +queued \(held\) +add/)
      assert.match(list, /free +queued +add/)
      const [hold] = await place.json<HoldJson[]>('hold')
      assert.deepEqual([hold?.verb, hold?.filter], ['pause', { queue: 'media' }])
      assert.match(hold?.until ?? '', instant)
      assert.match(await place.does('hold'), /pause +queue media +for 2\.0 h/)
      assert.equal(await place.does('resume', '--queue', 'media'), 'queue media goes on')
      assert.equal((await place.run(['resume', '--queue', 'media'])).code, 66)
      assert.match(await place.does('pause', '--all'), /stands for everything/)
      assert.equal(await place.does('resume', '--all'), 'everything goes on')
    })

    test('a standing cancel prevents what comes, until it is lifted', async () => {
      await using place = await Place.make(on)
      await place.does('enqueue', 'add', '--tag', 't')
      const hold = ['hold', 'cancel', '--tag', 't', '--for', '3d']
      const asked = await place.run(hold)
      assert.equal(asked.code, 64)
      assert.match(asked.stderr, /This would cancel 1 run: 1 queued; answers: 1 prevented/)
      await place.does(...hold, '--yes')
      const prevented = await place.run(['enqueue', 'add', '--tag', 't'])
      assert.match(prevented.stderr, /a tombstone or a hold was waiting/)
      assert.match(await place.does('hold', 'cancel', '--tag', 't', '--lift'), /^lifted: /)
      assert.equal((await place.run(['hold', '--lift', 'nothing'])).code, 66)
      assert.equal((await place.run(['enqueue', 'add', '--tag', 't'])).stderr, '')
      assert.equal(await place.does('hold'), 'no holds')
    })

    test('a verb on a filter is previewed, and can be followed', async () => {
      await using place = await Place.make(on)
      for (const id of ['one', 'two']) await place.does('enqueue', 'add', '--tag', 't', '--id', id)
      assert.equal(
        await place.does('pause', '--tag', 't', '--preview'),
        'This would pause 2 runs: 2 queued; answers: 2 paused',
      )
      assert.equal((await place.run(['pause', '--tag', 't'])).code, 64)
      const paused = await place.does('pause', '--tag', 't', '--yes')
      assert.deepEqual(paused.split('\n'), ['one  paused', 'two  paused'])
      assert.equal((await place.run(['cancel', '--all'])).code, 64)
      const callId = '0198c0de-7a11-7cc3-98c4-dc0c0c07398f'
      await place.does('cancel', '--all', '--yes', '--call-id', callId, '--by', 'ada')
      const bulk = await place.does('bulk', callId)
      assert.match(bulk, /^cancel +\[#+\] 2 of 2\n/)
      assert.match(bulk, /by +ada\n[^]*prevented +2/)
      assert.match(
        await place.does('bulk'),
        /cancel +all +2 +[^\n]+ ada +everything\n[^]*pause +all +2/,
      )
      assert.equal((await place.run(['bulk', '0198c0de-0000-7cc3-98c4-dc0c0c07398f'])).code, 66)
    })

    test('audit exports every request on a line of its own', async () => {
      await using place = await Place.make(on)
      await place.does('enqueue', 'add', '--id', 'one')
      await place.does('pause', 'one', '--by', 'ada', '--reason', 'why')
      await place.does('resume', 'one', '--by', 'bob')
      await place.does('signal', 'one', 'word', '{"createdAt":5}', '--by', 'ada')
      const lines = (await place.does('audit', '--json', '--order', 'oldest')).split('\n')
      const entries = lines.map((line) => JSON.parse(line) as EntryJson)
      assert.deepEqual(
        entries.map(({ kind, name, by }) => [kind, name, by]),
        [
          ['control', 'pause', 'ada'],
          ['control', 'resume', 'bob'],
          ['signal', 'word', 'ada'],
        ],
      )
      for (const { origin, createdAt } of entries) {
        assert.match(origin, /^cli on \S+ pid \d+$/)
        assert.match(createdAt, instant)
      }
      assert.deepEqual(entries[2]?.payload, { createdAt: 5 })
      const page = await place.does('audit', '--by', 'ada', '--limit', '1')
      assert.match(page, /ada +signal word \{"createdAt":5\} +one +cli on .+ pending\n/)
      const cursor = /--cursor (\d+)$/.exec(page)?.[1] ?? ''
      const next = await place.does('audit', '--by', 'ada', '--limit', '1', '--cursor', cursor)
      assert.match(next, /ada +pause +one +why +cli on \S+ pid \d+ +paused/)
      assert.match(await place.does('audit', '--pending'), /word/)
      assert.equal(await place.does('audit', '--name', 'cancel'), 'nothing was asked')
    })
  })
}

void test('where the configuration requires it, whoever asks must say who it is', async () => {
  await using place = await Place.make()
  writeFileSync(place.path('checkrein.config.ts'), 'export default { requireBy: true }\n')
  await place.does('enqueue', 'add', '--id', 'one')
  for (const args of [
    ['cancel', 'one'],
    ['pause', '--queue', 'media'],
    ['signal', 'one', 'word'],
    ['hold', 'pause', '--tag', 't'],
  ]) {
    const { code, stderr } = await place.run(args)
    assert.equal(code, 64)
    assert.match(stderr, /error BY_REQUIRED: .+\nhint: .+--by/)
  }
  assert.equal(await place.does('audit'), 'nothing was asked')
  await place.does('cancel', 'one', '--by', 'ada')
})

void test('what the new verbs cannot understand is refused', async () => {
  await using place = await Place.make()
  await place.does('enqueue', 'add', '--id', 'one')
  const mistakes: [string[], RegExp][] = [
    [['pause'], /No runs are named/],
    [['pause', 'one', '--queue', 'media'], /not both/],
    [['pause', 'one', '--in-flight', 'park'], /--in-flight is for a whole task or queue/],
    [['pause', 'one', '--for', '1h', '--until', '2030-01-01'], /until or for, not both/],
    [['pause', 'one', '--otherwise', 'terminate'], /--otherwise: "terminate" is not valid/],
    [['pause', 'one', '--preview'], /--preview is for a filter/],
    [['signal', 'one'], /No signal is named/],
    [['signal', 'one', 'word', '{a:1}'], /The payload is not JSON/],
    [['signal', 'one', 'word', '1', '2'], /too many words/],
    [['hold', 'resume', '--tag', 't'], /No verb is named that can stand/],
    [['hold', 'pause'], /No runs are named/],
    [['enqueue', 'add', '--deadline', 'soonish'], /--deadline: "soonish" is not valid/],
    [['cancel', 'one', '--call-id', 'mine'], /is not the id of a call/],
  ]
  for (const [args, says] of mistakes) {
    const { code, stderr } = await place.run(args)
    assert.equal(code, 64, `${args.join(' ')}: ${stderr}`)
    assert.match(stderr, says)
  }
})
