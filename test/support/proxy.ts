import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export interface Address {
  readonly host: string
  readonly port: number
}

/** What a proxy does to a connection. */
interface Weather {
  isHeld: boolean
  delayMs: number
}

/** Bytes that come in, before they go on. */
export interface Passing {
  /** `up`: from the client to the server. */
  readonly direction: 'up' | 'down'
  readonly bytes: Buffer
  /** A number of the connection, which none has had before. */
  readonly link: number
  /** Resets this connection; the bytes go no further. */
  readonly cut: () => void
  /** Swallows these bytes and all that follows, in both directions, until `restore`. */
  readonly swallow: () => void
}

/** Bytes on their way, or the end or reset behind them. */
interface Parcel {
  readonly dueAt: number
  readonly deliver: () => void
}

/** More on their way than this, and no more is read. */
const parcelsInFlight = 1024

/** From where to where. */
type Way = readonly [source: Socket, sink: Socket]

/** One direction of a connection: what comes in goes out in that order, its end and its reset too. */
class Lane {
  readonly #source: Socket
  readonly #sink: Socket
  readonly #weather: Weather
  readonly #parcels: Parcel[] = []
  #timer: NodeJS.Timeout | undefined

  /** @param look sees the bytes before they go on. */
  constructor([source, sink]: Way, weather: Weather, look: (bytes: Buffer) => void) {
    this.#source = source
    this.#sink = sink
    this.#weather = weather
    source.on('data', (bytes: Buffer) => {
      look(bytes)
      this.#send(() => sink.write(bytes))
    })
    source.on('end', () => this.#send(() => sink.end()))
    source.on('error', () => this.#send(() => reset(sink)))
    sink.on('drain', () => this.pump())
    sink.on('close', () => clearTimeout(this.#timer))
  }

  /** Delivers what is due, and reads on or not. To be called when the weather has changed. */
  pump(): void {
    clearTimeout(this.#timer)
    if (this.#weather.isHeld) return void this.#source.pause()
    while (this.#parcels[0] && !this.#sink.writableNeedDrain) {
      const wait = this.#parcels[0].dueAt - performance.now()
      if (wait > 0) {
        this.#timer = setTimeout(() => this.pump(), Math.ceil(wait))
        break
      }
      this.#parcels.shift()?.deliver()
    }
    if (this.#parcels.length < parcelsInFlight && !this.#sink.writableNeedDrain)
      this.#source.resume()
    else this.#source.pause()
  }

  #send(deliver: () => void): void {
    this.#parcels.push({ dueAt: performance.now() + this.#weather.delayMs, deliver })
    this.pump()
  }
}

type Look = (passing: Passing) => void

/** A connection through the proxy. */
class Link {
  readonly #client: Socket
  readonly #number: number
  readonly #look: Look
  readonly weather: Weather
  #upstream: Socket | null = null
  #lanes: readonly Lane[] = []

  constructor(client: Socket, number: number, parts: { weather: Weather; look: Look }) {
    this.#client = client
    this.#number = number
    this.#look = parts.look
    this.weather = parts.weather
    client.on('error', () => {})
  }

  get isOver(): boolean {
    return this.#client.destroyed && this.#upstream?.destroyed !== false
  }

  /** Goes on to the target when that has not been done, and when the weather lets it. */
  pump(target: Address): void {
    if (!this.#upstream && !this.weather.isHeld) this.#connect(target)
    for (const lane of this.#lanes) lane.pump()
  }

  swallow(): void {
    this.weather.isHeld = true
    for (const lane of this.#lanes) lane.pump()
  }

  destroy(): void {
    reset(this.#client)
    if (this.#upstream) reset(this.#upstream)
  }

  #connect(target: Address): void {
    const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true })
    this.#upstream = upstream
    this.#lanes = [
      new Lane([this.#client, upstream], this.weather, (bytes) => this.#passing('up', bytes)),
      new Lane([upstream, this.#client], this.weather, (bytes) => this.#passing('down', bytes)),
    ]
  }

  #passing(direction: Passing['direction'], bytes: Buffer): void {
    const [cut, swallow] = [() => this.destroy(), () => this.swallow()]
    this.#look({ direction, bytes, link: this.#number, cut, swallow })
  }
}

/**
 * A TCP proxy on a loopback port, as the network between a client and a server, which can be made to fail. Told nothing, it
 * loses, changes and delays nothing, and passes on ends and resets.
 */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #links = new Set<Link>()
  /** Of new connections. */
  readonly #weather: Weather = { isHeld: false, delayMs: 0 }
  #look: Look = () => {}
  #target: Address
  #isCut = false
  #count = 0

  /** @param target a server's address, or its URL. */
  static async make(target: Address | string): Promise<TcpProxy> {
    const proxy = new TcpProxy(addressOf(target))
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening')
    return proxy
  }

  private constructor(target: Address) {
    this.#target = target
    const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true }
    this.#server = createServer(options, (client) => this.#accept(client))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The same URL, but through this proxy. */
  url(original: string): string {
    const url = new URL(original)
    url.hostname = '127.0.0.1'
    url.port = String(this.port)
    return url.href
  }

  /**
   * From now on nothing comes through in either direction, and no side hears of the other's end: as when packets are
   * dropped. New connections are accepted, and hear nothing. After `restore` all comes through, as TCP would send it again.
   */
  swallow(): void {
    this.#weather.isHeld = true
    this.swallowOld()
  }

  /** The same for the connections that are there, while new ones work: as when a firewall has forgotten them. */
  swallowOld(): void {
    for (const link of this.#links) link.swallow()
  }

  /** Resets all connections, and new ones too. */
  cut(): void {
    this.#isCut = true
    for (const link of this.#links) link.destroy()
  }

  /** Ends `swallow` and `cut`; not `delay`. */
  restore(): void {
    this.#isCut = false
    this.#weather.isHeld = false
    for (const link of this.#links) {
      link.weather.isHeld = false
      link.pump(this.#target)
    }
  }

  /** All that comes in from now on takes so long, in each direction. The order stays. */
  delay(ms: number): void {
    this.#weather.delayMs = ms
    for (const { weather } of this.#links) weather.delayMs = ms
  }

  /** Has somebody see all that comes in from now on, and do something about it. */
  watch(look: (passing: Passing) => void): void {
    this.#look = look
  }

  /** New connections go to another server; those that are there stay. */
  retarget(target: Address | string): void {
    this.#target = addressOf(target)
  }

  #accept(client: Socket): void {
    if (this.#isCut) return void client.resetAndDestroy()
    const look: Look = (passing) => this.#look(passing)
    const link = new Link(client, this.#count++, { weather: { ...this.#weather }, look })
    for (const other of this.#links) if (other.isOver) this.#links.delete(other)
    this.#links.add(link)
    link.pump(this.#target)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }
}

/**
 * One that still connects has nothing to reset; `resetAndDestroy` would wait for it. One whose end was sent cannot be reset:
 * libuv refuses it, and Node then never gets rid of the handle (it spins at the end of the process).
 */
function reset(socket: Socket): void {
  if (socket.connecting || socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

function addressOf(target: Address | string): Address {
  if (typeof target !== 'string') return target
  const { hostname, port } = new URL(target)
  return { host: hostname, port: Number(port || 5432) }
}
