import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Place, tasksModule } from '../cli/cli.ts'
import { TcpProxy } from '../support/proxy.ts'

suite('a worker on PostgreSQL that is stopped while the server', () => {
  for (const [what, harm] of [
    ['gives no answer', (proxy: TcpProxy) => proxy.swallow()],
    ['cannot be reached', (proxy: TcpProxy) => proxy[Symbol.asyncDispose]()],
  ] as const)
    test(`${what}, ends, and says what it could not write`, async () => {
      await using place = await Place.make('postgres')
      await using proxy = await TcpProxy.make(place.url ?? '')
      const times = ['--finish', '10ms', '--grace', '10ms', '--lease', '60s']
      const store = ['--store', proxy.url(place.url ?? '')]
      const worker = place.start(['worker', tasksModule, ...store, ...times])
      await worker.says(/worker \S+ started/)
      const id = await place.begun('stubborn')
      await harm(proxy)
      worker.signal('SIGTERM')
      const { code, stderr } = await worker.ended
      assert.equal(code, 75, stderr)
      assert.match(
        stderr,
        new RegExp(
          `STORE_BUSY: The store did not take .* within 5.0 s: the ends of the attempts ${id}#1, and`,
        ),
      )
    })
})
