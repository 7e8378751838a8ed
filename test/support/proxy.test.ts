import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { type Address, TcpProxy } from './proxy.ts'

/** Sends all back, after a word of its own. */
class Echo implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  static async make(greeting = ''): Promise<Echo> {
    const echo = new Echo(greeting)
    await once(echo.#server.listen(0, '127.0.0.1'), 'listening')
    return echo
  }

  private constructor(greeting: string) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.write(greeting)
      socket.pipe(socket)
    })
  }

  get address(): Address {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }
}

/** A connection that remembers all it heard. */
class Caller implements Disposable {
  readonly socket: Socket
  heard = ''

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('data', (bytes) => (this.heard += String(bytes)))
    this.socket.on('error', () => {})
  }

  async hears(text: string): Promise<void> {
    const signal = AbortSignal.timeout(30_000)
    while (this.heard !== text) await once(this.socket, 'data', { signal })
  }

  async say(text: string): Promise<void> {
    this.socket.write(text)
    await this.hears(this.heard + text)
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

test('a proxy passes on every byte, in order, and the end of each direction', async () => {
  await using echo = await Echo.make()
  await using proxy = await TcpProxy.make(echo.address)
  const sent = randomBytes(8_000_000)
  const socket = connect(proxy.port, '127.0.0.1')
  socket.end(sent)
  assert.ok(sent.equals(await buffer(socket)))
})

test('a proxy that swallows keeps connections open and silent, and lets all through when restored', async () => {
  await using echo = await Echo.make()
  await using proxy = await TcpProxy.make(echo.address)
  using early = new Caller(proxy.port)
  await early.say('one')
  proxy.swallow()
  early.socket.write('two')
  using late = new Caller(proxy.port)
  late.socket.write('three')
  using witness = new Caller(echo.address.port)
  for (let round = 0; round < 100; round += 1) await witness.say('still there')
  assert.deepEqual([early.heard, late.heard], ['one', ''])
  proxy.restore()
  await Promise.all([early.hears('onetwo'), late.hears('three')])
})

test('a proxy that swallows hides the end of the server until it is restored', async () => {
  await using proxy = await TcpProxy.make('tcp://127.0.0.1:1')
  using caller = new Caller(proxy.port)
  {
    await using echo = await Echo.make()
    proxy.retarget(echo.address)
    await caller.say('one')
    proxy.swallow()
  }
  assert.equal(caller.socket.destroyed, false)
  const ended = once(caller.socket, 'close')
  proxy.restore()
  await ended
})

test('a proxy can swallow the connections that are there, and let new ones through', async () => {
  await using echo = await Echo.make()
  await using proxy = await TcpProxy.make(echo.address)
  using early = new Caller(proxy.port)
  await early.say('one')
  proxy.swallowOld()
  early.socket.write('two')
  using late = new Caller(proxy.port)
  await late.say('three')
  assert.equal(early.heard, 'one')
  proxy.restore()
  await early.hears('onetwo')
})

test('whoever watches a proxy sees all bytes, and may cut or swallow their connection before they go on', async () => {
  await using echo = await Echo.make()
  await using proxy = await TcpProxy.make(echo.address)
  const seen: string[] = []
  proxy.watch(({ direction, bytes, cut, swallow }) => {
    seen.push(`${direction} ${String(bytes)}`)
    if (direction === 'down' && String(bytes) === 'cut') cut()
    if (direction === 'up' && String(bytes) === 'swallow') swallow()
  })
  using silent = new Caller(proxy.port)
  silent.socket.write('swallow')
  using early = new Caller(proxy.port)
  await early.say('one')
  early.socket.write('cut')
  await assert.rejects(once(early.socket, 'close'), { code: 'ECONNRESET' })
  assert.deepEqual([early.heard, silent.heard], ['one', ''])
  proxy.restore()
  await silent.hears('swallow')
  assert.deepEqual(
    seen.filter((one) => !one.endsWith('swallow')),
    ['up one', 'down one', 'up cut', 'down cut'],
  )
})

test('a proxy that is cut resets connections, old and new, until it is restored', async () => {
  await using echo = await Echo.make()
  await using proxy = await TcpProxy.make(echo.address)
  using early = new Caller(proxy.port)
  await early.say('one')
  proxy.cut()
  await assert.rejects(once(early.socket, 'close'), { code: 'ECONNRESET' })
  using late = new Caller(proxy.port)
  await assert.rejects(once(late.socket, 'close'), { code: 'ECONNRESET' })
  proxy.restore()
  using again = new Caller(proxy.port)
  await again.say('two')
})

test('a proxy delays both directions, and keeps the order when the delay ends', async () => {
  await using echo = await Echo.make()
  await using proxy = await TcpProxy.make(echo.address)
  using caller = new Caller(proxy.port)
  await caller.say('warm')
  proxy.delay(40)
  const began = performance.now()
  await caller.say('one')
  assert.ok(performance.now() - began >= 80)
  caller.socket.write('two')
  using witness = new Caller(echo.address.port)
  await witness.say('two is on its way')
  proxy.delay(0)
  caller.socket.write('three')
  await caller.hears('warmonetwothree')
})

test('a proxy sends new connections to its new target, and leaves the old ones', async () => {
  await using first = await Echo.make('first ')
  await using second = await Echo.make('second ')
  await using proxy = await TcpProxy.make(first.address)
  using old = new Caller(proxy.port)
  await old.hears('first ')
  proxy.retarget(second.address)
  using fresh = new Caller(proxy.port)
  await fresh.hears('second ')
  await old.say('still here')
})

test('a proxy has a URL that differs in the address alone', async () => {
  await using proxy = await TcpProxy.make('postgres://server/db')
  assert.equal(
    proxy.url('postgres://me:secret@server:5433/db?a=b'),
    `postgres://me:secret@127.0.0.1:${proxy.port}/db?a=b`,
  )
})
