/** The modules that a worker is given, as they are found in the wild. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isCheckreinError, startWorker } from '../../src/index.ts'
import { errorRecord } from '../../src/core/error-record.ts'
import { Bed } from '../support/bed.ts'

suite('a worker', () => {
  test('finds the tasks of a module beside exports that refuse to be looked at, once, though another module exports them, too', async () => {
    await using bed = await Bed.make()
    const modules = ['odd-exports.ts', 'barrel.ts', 'odd-exports.ts']
    await bed.startWorker({
      modules: modules.map((name) => new URL(`./modules/${name}`, import.meta.url)),
    })
    const [worker] = await bed.client.workers()
    assert.deepEqual(Object.keys(worker?.tasks ?? {}), ['beside'])
    const run = await bed.client.enqueueByName('beside')
    assert.equal(await run.result(), 'done')
  })

  test('does not start on a module that changes how values become JSON, and names it', async () => {
    await using bed = await Bed.make()
    const start = bed.startWorker({
      modules: [new URL('./modules/changes-json.ts', import.meta.url)],
    })
    const error = await start
      .then(() => null, errorRecord)
      .finally(() => Reflect.deleteProperty(Array.prototype, 'toJSON'))
    assert.equal(error?.code, 'TASK_MODULE_FAILED')
    assert.match(
      error.message,
      /changes-json\.ts could not be loaded: it, .* Array\.prototype\.toJSON/,
    )
  })

  test('does not start on the client of another copy of the package, and says so', async () => {
    const other = new URL('../../src/client/client.ts?another', import.meta.url).href
    const { Client } = (await import(other)) as typeof import('../../src/client/client.ts')
    await using bed = await Bed.make()
    const foreign = new Client(bed.client.store)
    await assert.rejects(
      startWorker(foreign, { modules: [] }),
      (error) =>
        isCheckreinError(error) && error.code === 'USAGE' && /npm ls/.test(error.hint ?? ''),
    )
  })
})
