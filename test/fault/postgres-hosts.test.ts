/** Workers on hosts of their own, and a network that fails. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Bed, eventually, until } from '../support/bed.ts'
import { canMakeHosts, Hosts } from '../support/hosts.ts'
import { PostgresServer } from '../support/postgres-server.ts'
import { isDead } from '../support/processes.ts'
import * as tasks from './fleet-tasks.ts'
import { Fleet, type Spawn } from './fleet.ts'

const skip = canMakeHosts() ?? false
const modules = [new URL('./fleet-tasks.ts', import.meta.url).href]
const quick = {
  modules,
  lease: 4000,
  poll: 100,
  spares: 0,
  concurrency: 1,
  answerMs: 1000,
} as const

suite('a worker that is cut off from the database while its handler spins', { skip }, () => {
  test('has no code running when another host starts the run, and comes back under a new id', async () => {
    await using hosts = await Hosts.make(2)
    await using server = await PostgresServer.make({ listen: hosts.gateway })
    await using bed = await Bed.make({ on: 'postgres', at: server.url })
    await using fleet = new Fleet()
    const url = new URL(bed.url)
    url.hostname = hosts.gateway
    const on =
      (host: number): Spawn =>
      (command) =>
        hosts.exec(host, command, { stdio: ['ignore', 'pipe', 'inherit'] })

    const run = await bed.client.enqueue(tasks.spinAlone, { folder: bed.folder })
    const first = await fleet.start({ url: url.href, ...quick }, on(0))
    const { progress, workerId } = await until(run, ({ progress }) => progress !== undefined)
    const [, pid] = progress as [number, number]
    await fleet.start({ url: url.href, ...quick }, on(1))
    await hosts.cut(0)

    const second = await until(run, ({ attempt }) => attempt === 2)
    assert.ok(isDead(pid), 'the code of the first attempt was gone before the second could start')
    assert.notEqual(second.workerId, workerId)
    assert.equal(await run.result(), 2)
    assert.deepEqual(tasks.violationsIn(bed.folder), [], 'they never executed at the same time')
    await first.saw(({ type }) => type === 'lease-lost')

    await hosts.join(0)
    await eventually(
      async () => (await bed.client.workers()).length === 2,
      'the first host has a lease again',
    )
    const ids = (await bed.client.workers()).map(({ id }) => id)
    assert.ok(workerId !== null && !ids.includes(workerId))
  })
})
