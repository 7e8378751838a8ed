/** Runs that are tried again, on the command line. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { storeKinds } from '../support/bed.ts'
import { Place } from './cli.ts'

interface Shown {
  readonly run: {
    readonly input: unknown
    readonly retryOf: string | null
    readonly retriedAs: string | null
  }
}

for (const on of storeKinds)
  suite(`checkrein retry on ${on}`, () => {
    test('tries ids again, with another input where one is given, and says what is refused', async () => {
      await using place = await Place.make(on)
      const id = await place.does('enqueue', 'add', '{"a":1,"b":2}')
      const early = await place.run(['retry', id])
      assert.equal(early.code, 75)
      assert.match(early.stdout, /not-final +it has not ended\. Only a run/)
      await place.does('cancel', id)
      const [, next = ''] = /retried +as (\S+)$/.exec(
        await place.does('retry', id, '--reason', 'once more', '--by', 'ada'),
      ) ?? ['']
      const shown = await place.json<Shown>('show', next)
      assert.deepEqual([shown.run.retryOf, shown.run.input], [id, { a: 1, b: 2 }])
      assert.equal((await place.json<Shown>('show', id)).run.retriedAs, next)
      assert.match(await place.does('show', next), new RegExp(`retry of +${id}`))
      assert.match(await place.does('show', id), new RegExp(`retried as +${next}`))
      assert.match(await place.does('list'), new RegExp(`retry of ${id}`))
      assert.match(await place.does('audit'), new RegExp(`ada +retry +${id} +once more .*${next}`))
      const [other] = await place.json<{ newId: string }[]>('retry', id, '--new-input', '{"a":5}')
      assert.deepEqual((await place.json<Shown>('show', other?.newId ?? '')).run.input, { a: 5 })
      assert.equal((await place.run(['retry', id, 'nobody'])).code, 66)
      assert.equal((await place.run(['retry'])).code, 64)
      assert.equal((await place.run(['retry', id, '--tag', 't'])).code, 64)
    })

    test('asks before it tries a filter again', async () => {
      await using place = await Place.make(on)
      await place.does('enqueue', 'add', '--tag', 't', '--id', 'one')
      await place.does('enqueue', 'add', '--tag', 't', '--id', 'two')
      await place.does('cancel', 'one')
      const preview = await place.does('retry', '--tag', 't', '--preview')
      assert.equal(preview, 'This would retry 1 run: 1 cancelled')
      assert.equal((await place.run(['retry', '--tag', 't'])).code, 64)
      assert.match(await place.does('retry', '--tag', 't', '--yes'), /^one +retried +as \S+$/)
      assert.equal(await place.does('retry', '--tag', 'none', '--yes'), 'no runs')
    })
  })
