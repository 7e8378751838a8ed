/** A worker of the command line among code, readers and deploys that would harm it. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { eventually } from '../support/bed.ts'
import { Place } from './cli.ts'

void test('an error that belongs to no run is said, and the worker goes on', async () => {
  await using place = await Place.make()
  const file = place.path('now')
  const config = `import { existsSync, rmSync } from 'node:fs'
    setInterval(() => {
      if (!existsSync(${JSON.stringify(file)})) return
      rmSync(${JSON.stringify(file)})
      throw new Error('whose is this?')
    }, 5).unref()
    export default {}`
  writeFileSync(place.path('checkrein.config.mjs'), config)
  const worker = await place.worker()
  writeFileSync(file, '')
  await eventually(() => !existsSync(file), 'the error', 20)
  await worker.says(/an error that nobody caught: whose is this\?/)
  assert.equal(await place.does('enqueue', 'add', '{"a":1,"b":2}', '--wait'), '3')
  worker.signal('SIGTERM')
  assert.equal((await worker.ended).code, 0)
})
