import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { canMakeHosts, Hosts } from './hosts.ts'
import { PostgresServer } from './postgres-server.ts'

const skip = canMakeHosts() ?? false

/** For a host: what it reads goes to the server, what the server says is printed, and so is the code of a failure. */
const telephone = `
const [host, port] = process.argv.slice(1)
const socket = require('node:net').connect({ host, port })
socket.on('error', ({ code }) => { console.log(code); process.exit() })
process.stdin.pipe(socket).pipe(process.stdout)
`

/** A server on the network of the hosts, which answers with what it hears. */
class Exchange implements AsyncDisposable {
  readonly #hosts: Hosts
  readonly #server: Server
  readonly #sockets: Socket[] = []

  static async make(hosts: Hosts): Promise<Exchange> {
    const exchange = new Exchange(hosts)
    await once(exchange.#server.listen(0, hosts.gateway), 'listening')
    return exchange
  }

  private constructor(hosts: Hosts) {
    this.#hosts = hosts
    this.#server = createServer((socket) => {
      this.#sockets.push(socket)
      socket.on('error', () => {})
      socket.pipe(socket)
    })
  }

  get isAllOpen(): boolean {
    return this.#sockets.every(({ readyState }) => readyState === 'open')
  }

  /** Calls from a host. */
  call(host: number): Call {
    const { port } = this.#server.address() as AddressInfo
    const command = [process.execPath, '-e', telephone, this.#hosts.gateway, String(port)]
    return new Call(this.#hosts.exec(host, command, { stdio: ['pipe', 'pipe', 'inherit'] }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }
}

class Call {
  readonly process: ChildProcess
  heard = ''

  constructor(process: ChildProcess) {
    this.process = process
    process.stdout?.on('data', (bytes) => (this.heard += String(bytes)))
  }

  write(words: string): void {
    this.process.stdin?.write(words)
  }

  async hears(words: string): Promise<void> {
    const signal = AbortSignal.timeout(30_000)
    const { stdout } = this.process
    while (this.heard !== words && stdout) await once(stdout, 'data', { signal })
  }
}

test(
  'a host that is cut off is silent, and its connection lives on when it is back',
  { skip },
  async () => {
    await using hosts = await Hosts.make(2)
    await using exchange = await Exchange.make(hosts)
    const [lost, witness] = [exchange.call(0), exchange.call(1)]
    lost.write('one')
    await lost.hears('one')
    await hosts.cut(0)
    lost.write('two')
    witness.write('three')
    await witness.hears('three')
    assert.deepEqual([lost.heard, exchange.isAllOpen], ['one', true])
    await hosts.join(0)
    await lost.hears('onetwo')
  },
)

test('a host that is unplugged knows it, and is back when it is joined', { skip }, async () => {
  await using hosts = await Hosts.make(1)
  await using exchange = await Exchange.make(hosts)
  await hosts.unplug(0)
  await exchange.call(0).hears('ENETUNREACH\n')
  await hosts.join(0)
  const call = exchange.call(0)
  call.write('one')
  await call.hears('one')
})

test('a host reaches a PostgreSQL server that listens to it', { skip }, async () => {
  await using hosts = await Hosts.make(1)
  await using server = await PostgresServer.make({ listen: hosts.gateway })
  const asks = `
    const { Client } = require('pg')
    const client = new Client(process.argv[1])
    client.connect()
      .then(() => client.query('SELECT inet_client_addr() answer'))
      .then(({ rows }) => (console.log(rows[0].answer), client.end()))`
  const command = [process.execPath, '-e', asks, server.urlAt(hosts.gateway)]
  const { stdout } = hosts.exec(0, command, { stdio: ['ignore', 'pipe', 'inherit'] })
  assert.ok(stdout)
  assert.equal((await text(stdout)).trim(), hosts.address(0))
})

test('hosts are gone with the test, and what runs on them', { skip }, async () => {
  const names = (): string => execFileSync('sh', ['-c', 'ip netns list; ip link']).toString()
  const hosts = await Hosts.make(1)
  const sleeper = hosts.exec(0, ['sleep', '600'], { stdio: 'ignore' })
  assert.ok(names().includes(hosts.nameOf(0)))
  const ended = once(sleeper, 'exit')
  await hosts[Symbol.asyncDispose]()
  assert.deepEqual(await ended, [null, 'SIGKILL'])
  assert.ok(!names().includes(hosts.nameOf(0)))
})
