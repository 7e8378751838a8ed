/** What a command says before it does something, what it says of what came of it, and how a script hears of that. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { bulkLines } from '../../src/cli/commands/bulk.ts'
import { entryWords } from '../../src/cli/text/entry-words.ts'
import type { FeedEntry } from '../../src/index.ts'
import { defaultKind } from '../support/bed.ts'
import { Place } from './cli.ts'

// What the store makes of it is tested on both; a process for each command is dear.
for (const on of [defaultKind]) {
  void suite(`consequences, on ${on}`, () => {
    test('a pause that cancels what runs asks first, and says how many that would be', async () => {
      await using place = await Place.make(on)
      await place.works()
      await place.does('enqueue', 'add', '--delay', '1h')
      const id = await place.begun('polite', '--tag', 't')
      const scopes = [['--all'], ['--queue', 'default'], ['--task', 'polite']]
      for (const scope of scopes) {
        const { code, stderr } = await place.run(['pause', ...scope, '--in-flight', 'cancel'])
        assert.equal(code, 64)
        assert.match(stderr, /This would pause .+; 1 run that runs would be cancelled\n.*--yes/)
      }
      const held = await place.run(['hold', 'pause', '--tag', 't', '--in-flight', 'cancel'])
      assert.equal(held.code, 64)
      assert.match(held.stderr, /This would pause 0 runs; 1 run that runs would be cancelled/)
      assert.equal(await place.does('hold'), 'no holds')
      assert.match(await place.does('list', '--state', 'running'), new RegExp(id))
      await place.does('pause', '--task', 'polite', '--in-flight', 'cancel', '--yes')
      assert.equal((await place.run(['watch', id])).code, 2)
    })

    test('the preview of a pause of the whole says what becomes of what runs', async () => {
      await using place = await Place.make(on)
      await place.works()
      await place.begun('polite', '--queue', 'default')
      await place.does('enqueue', 'add', '--delay', '1h')
      const preview = (...args: string[]): Promise<string> =>
        place.does(...args, '--queue', 'default', '--preview')
      const says = 'queue default, with all runs that come: 1 scheduled; 1 run that runs would'
      assert.equal(await preview('pause'), `This would pause ${says} finish`)
      assert.equal(
        await preview('pause', '--in-flight', 'park'),
        `This would pause ${says} park at their next checkpoints`,
      )
      assert.equal(
        await preview('pause', '--in-flight', 'cancel'),
        `This would pause ${says} be cancelled`,
      )
      assert.equal(await preview('freeze'), `This would freeze ${says} be frozen where they stand`)
      assert.match(await preview('resume'), /^This would end the hold of queue default; /)
      const json = await place.json('pause', '--queue', 'default', '--preview')
      assert.deepEqual(json, {
        ...{ verb: 'pause', filter: { queue: 'default' }, totalCount: 2, inFlight: 'finish' },
        counts: { scheduled: 1, running: 1 },
      })
      assert.equal(await place.does('hold'), 'no holds')
    })

    test('a roll-back that fails has an exit code, and doctor finds it', async () => {
      await using place = await Place.make(on)
      await place.works()
      const id = await place.begun('polite')
      const { code, stdout } = await place.run(['cancel', id, '--rollback'])
      assert.equal(code, 5)
      assert.match(stdout, /stopped .+; roll-back failed/)
      assert.equal((await place.run(['cancel', id])).code, 5)
      const doctor = await place.run(['doctor'])
      assert.equal(doctor.code, 1)
      assert.match(
        doctor.stdout,
        new RegExp(`rollbacks +roll-back of ${id} of polite failed\n.*hint`),
      )
      const shown = await place.does('show', id)
      assert.match(shown, /the attempt ended; to be rolled back: the handler ended by itself/)
      assert.doesNotMatch(shown, /the attempt failed; to be/)
      assert.match(doctor.stdout, new RegExp(`checkrein retry --rollback <id>`))
      const preview = await place.does('retry', '--rollback', '--all', '--preview')
      assert.equal(preview, 'This would retry the roll-back of 1 run: 1 cancelled')
      const [, next = ''] =
        /retried +as (\S+)$/.exec(await place.does('retry', '--rollback', id)) ?? []
      await place.run(['wait', next])
      assert.match(await place.does('show', id), new RegExp(`undone by +${next}: failed`))
      assert.match(
        (await place.run(['doctor'])).stdout,
        new RegExp(`roll-back of ${next} of polite`),
      )
      const other = await place.does('enqueue', 'add', '{"a":1,"b":2}')
      await place.run(['cancel', other])
      const refused = await place.run(['retry', '--rollback', other])
      assert.equal(refused.code, 64)
    })

    test('the record says in words what requests came to', async () => {
      await using place = await Place.make(on)
      await place.does('enqueue', 'add', '--tag', 't', '--id', 'one')
      await place.run(['signal', 'nobody', 'word'])
      assert.match(await place.does('audit'), /signal word +nobody .+ not found$/m)
      await place.does('hold', 'pause', '--tag', 't')
      const [hold] = await place.json<{ id: string }[]>('hold')
      assert.ok(hold)
      const bulks = await place.does('bulk')
      assert.match(bulks, new RegExp(`${hold.id} +pause \\(hold\\) .+ tag t, .*running`))
      assert.doesNotMatch(bulks, /[{/]/)
      assert.match(await place.does('bulk', hold.id, '--wait'), /^pause \(hold\)[^]*paused +1/)
      const shown = await place.does('show', 'one')
      assert.match(shown, new RegExp(`paused +since .+, by the hold ${hold.id}$`, 'm'))
      const { run } = await place.json<{ run: { paused: { [name: string]: unknown } } }>(
        'show',
        'one',
      )
      assert.deepEqual([run.paused['holdId'], run.paused['workflowId']], [hold.id, null])
      assert.match(
        await place.does('resume', '--tag', 't', '--preview'),
        /1 paused; answers: 1 held$/,
      )
      const resumed = await place.run(['resume', 'one'])
      assert.equal(resumed.code, 75)
      assert.equal(resumed.stdout.trim(), `one  held  it stays where it is, by the hold ${hold.id}`)
      assert.doesNotMatch(await place.does('audit'), /[[{]/)
      const lifted = await place.does('hold', 'pause', '--tag', 't', '--lift')
      assert.match(lifted, /^lifted: \S+ +pause of tag t, which was asked by /)
      assert.doesNotMatch(lifted, /stands|until/)
      assert.equal((await place.run(['bulk', 'nope'])).code, 66)
      assert.equal((await place.run(['bulk', '--wait'])).code, 64)
      const pruned = await place.does('prune', '--audit', '0')
      assert.equal(pruned, 'deleted from the record: what was asked more than 0 ms ago')
    })

    test('a freeze is frozen in the list of what was asked, and no checkpoint came before a resume', async () => {
      await using place = await Place.make(on)
      await place.works()
      const id = await place.begun('stubborn')
      await place.does('freeze', id)
      assert.match(await place.does('signals', id), /freeze .+ frozen$/m)
      await place.does('resume', id)
      assert.match(await place.does('signals', id), /freeze .+ resumed before it parked$/m)
      await place.does('terminate', id)
    })

    test('show says what keeps a run back in its queue', async () => {
      await using place = await Place.make(on)
      await place.does('enqueue', 'add', '--queue', 'media', '--id', 'one')
      const paused = ['--queue', 'media', '--by', 'ada', '--reason', 'full', '--for', '1h']
      await place.does('pause', ...paused)
      const shown = await place.does('show', 'one')
      assert.match(shown, /^queued \(held\) +one\n/)
      assert.match(shown, /held +\S+ +pause stands for queue media by ada: full, until \d{4}-/)
      const { heldBy } = await place.json<{ heldBy: { by: string } }>('show', 'one')
      assert.equal(heldBy.by, 'ada')
      await place.does('resume', '--queue', 'media')
      assert.match(await place.does('show', 'one'), /^queued +one\n/)
    })
  })
}

void test('who says no to a question hears that nothing was done', async () => {
  await using place = await Place.make()
  await place.does('enqueue', 'add', '--id', 'one')
  const isTerminal = 'process.stdin.isTTY=true;process.stdout.isTTY=true'
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${isTerminal}`, NO_COLOR: '1' }
  for (const args of [
    ['cancel', '--all'],
    ['pause', '--all', '--in-flight', 'cancel'],
    ['hold', 'cancel', '--tag', 't'],
  ]) {
    const { code, stdout, stderr } = await place.runAlone(args, { stdin: 'n\n', env })
    assert.deepEqual([code, stderr], [1, 'nothing was done\n'])
    assert.match(stdout, /Go on\? \[y\/N\]/)
  }
  const agreed = await place.runAlone(['cancel', '--all'], { stdin: 'y\n', env })
  assert.equal(agreed.code, 0)
})

void test('instants in the past, and options without a value, are refused', async () => {
  await using place = await Place.make()
  await place.does('enqueue', 'add', '--id', 'one')
  const mistakes: [string[], RegExp][] = [
    [['pause', 'one', '--until', '5'], /until is in the past: 1970/],
    [['hold', 'pause', '--tag', 't', '--until', '2020-01-01'], /until is in the past: 2020/],
    [['enqueue', 'add', '--deadline', '60000'], /deadline is in the past: 1970.*\n.*'60s'/],
    [['pause', '--queue', ''], /queue is empty\n.*Is a variable set\?/],
    [['pause', '--task', ''], /task is empty/],
    [['pause', '--tag', '', '--yes'], /tag is empty/],
    [['cancel', '--task', 'add', '--key', ''], /key is empty/],
    [['hold', 'cancel', '--tag', '', '--yes'], /tag is empty/],
  ]
  for (const [args, says] of mistakes) {
    const { code, stderr } = await place.run(args)
    assert.equal(code, 64, `${args.join(' ')}: ${stderr}`)
    assert.match(stderr, says)
  }
  assert.equal(await place.does('hold'), 'no holds')
})

void test('an attempt that was killed for a pause was not handed back by a worker that shuts down', () => {
  const entry = {
    position: 1,
    runId: 'one',
    workflow: null,
    at: 0,
    type: 'release',
    attempt: 1,
    data: {},
  } as const
  const words = (state: FeedEntry['state']): string => entryWords({ ...entry, state })
  assert.equal(words('paused'), 'the attempt was killed for the pause; paused')
  assert.equal(words('queued'), 'handed back by a worker that shuts down; queued')
})

void test('a verb on a filter that is done says what became of the runs that it left alone', () => {
  const who = { callId: 'x', reason: null, by: null, origin: null }
  const bulk = {
    ...who,
    verb: 'cancel',
    filter: { state: ['queued'] },
    createdAt: 0,
    aborted: null,
  } as const
  const counts = { prevented: 3 }
  const done = { ...bulk, finishedAt: 5, totalCount: 5, doneCount: 3, counts } as const
  const text = bulkLines(done, 10).join('\n')
  assert.match(text, /3 of 5\n +filter +queued\n[^]*left alone +2 had changed meanwhile$/)
  assert.doesNotMatch(bulkLines({ ...done, finishedAt: null }, 10).join('\n'), /left alone/)
  const aborted = { reason: 'wrong tag', by: 'ada', at: 5 }
  const ended = bulkLines({ ...done, aborted }, 10).join('\n')
  assert.match(ended, /3 of 5\n[^]*aborted +\S+ \S+ by ada: wrong tag\n/)
  assert.doesNotMatch(ended, /left alone/)
})
