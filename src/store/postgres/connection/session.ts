import type { PgPoolClient, PgQuery, PgResult } from './pg.ts'
import type { Param, Row } from '../../driver/sql.ts'

/** int8, int2, int4 and numeric are numbers; nothing of ours is beyond 2^53. */
const numbers = new Set([20, 21, 23, 1700])
const asNumber = (text: string): unknown => Number(text)
const asText = (text: string): unknown => text
const types = { getTypeParser: (oid: number) => (numbers.has(oid) ? asNumber : asText) }

const planNames = new Map<string, string>()
const prepared = new WeakSet<object>()

/** A name under which a connection keeps the plan of a statement; the same for the same text everywhere. */
function planName(text: string): string {
  const known = planNames.get(text)
  if (known !== undefined) return known
  const name = `checkrein_${planNames.size}`
  planNames.set(text, name)
  return name
}

/** Listens for the loss of a connection and does nothing: every statement that is under way hears of it, too. */
const ignore = (): void => undefined

/** How a connection is used while it is borrowed. */
export interface SessionOptions {
  /** How long the connection may give no answer until it is given up, ms. */
  readonly answerMs: number
  /** The statements that are worth a plan of their own; none where a pooler hands out connections by transaction. */
  readonly planned: ReadonlySet<string>
  /** The statements that set the limits once on a connection that is ours alone; empty where it is not. */
  readonly settings: string
}

/** A borrowed connection: runs statements on it, in a pipeline where the client can, and destroys it where no answer comes in time. */
export class Session {
  readonly #client: PgPoolClient
  readonly #options: SessionOptions
  #last: Promise<unknown> = Promise.resolve()
  #outstanding = 0
  #timer: NodeJS.Timeout | null = null
  #cut: Error | null = null
  /** Whether statements are sent without waiting for the answers to those before them. */
  readonly isPipelined: boolean
  /** Whether the settings stand on the connection, so that no transaction has to bring them. */
  readonly hasSettings: boolean

  constructor(client: PgPoolClient, options: SessionOptions) {
    this.#client = client
    this.#options = options
    client.on('error', ignore)
    this.hasSettings = options.settings !== ''
    this.isPipelined = (client as { pipeline?: unknown }).pipeline === true
  }

  /** Makes the settings of a connection that is borrowed for the first time. */
  prepare(): void {
    if (!this.hasSettings || prepared.has(this.#client)) return
    prepared.add(this.#client)
    this.script(this.#options.settings).catch(ignore)
  }

  /** The process id that the connection was told; a pooler's own, where there is one between. */
  get toldPid(): number {
    return Number((this.#client as { processID?: unknown }).processID ?? 0)
  }

  /** Runs one statement, and gives its rows. */
  async rows(text: string, values: readonly Param[] | readonly Param[][]): Promise<Row[]> {
    const name = this.#options.planned.has(text) ? { name: planName(text) } : {}
    const result = await this.#query({ text, values, types, ...name })
    return (result as PgResult).rows as Row[]
  }

  /** Runs several statements without values, and gives the result of each. */
  async script(text: string): Promise<readonly PgResult[]> {
    const results = await this.#query({ text, types })
    return Array.isArray(results) ? (results as PgResult[]) : [results as PgResult]
  }

  async #query(query: PgQuery): Promise<PgResult | readonly PgResult[]> {
    if (this.#cut) throw this.#cut
    this.#outstanding += 1
    this.#timer ??= setTimeout(() => this.#giveUp(), this.#options.answerMs)
    try {
      return await (this.isPipelined ? this.#client.query(query) : this.#inTurn(query))
    } catch (error) {
      throw this.#cut ?? error
    } finally {
      this.#outstanding -= 1
      if (this.#outstanding > 0) this.#timer?.refresh()
      else this.#rest()
    }
  }

  #inTurn(query: PgQuery): Promise<PgResult | readonly PgResult[]> {
    const turn = this.#last.then(() => this.#client.query(query))
    this.#last = turn.catch(() => undefined)
    return turn
  }

  #rest(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
  }

  /** Calls back with the payload of each notice, and once when the connection is lost. */
  listen(heard: (payload: string | undefined) => void, lost: () => void): void {
    this.#client.on('notification', ({ payload }) => heard(payload))
    // Listening keeps no process alive that has nothing else to do.
    this.#client.unref?.()
    this.#client.on('error', lost)
    this.#client.on('end', lost)
  }

  #giveUp(): void {
    const { answerMs } = this.#options
    this.#cut = Object.assign(new Error(`no answer within ${answerMs} ms`), { code: 'ETIMEDOUT' })
    const { connection } = this.#client as {
      connection?: { stream?: { destroy(error?: Error): void } }
    }
    connection?.stream?.destroy(this.#cut)
  }

  /** Gives the connection back; a connection that has failed is destroyed. */
  release(isSound: boolean): void {
    this.#rest()
    this.#client.removeListener('error', ignore)
    this.#client.release(isSound && !this.#cut ? undefined : true)
  }
}
