/** The findings about the health of a store on PostgreSQL, which `checkrein doctor` shows. */
import { randomBytes } from 'node:crypto'
import { humanDuration } from '../../../core/duration.ts'
import type { Finding } from '../../store.ts'
import { driftFindings } from './drift.ts'
import { storeError } from '../connection/errors.ts'
import { rightsFinding } from './rights.ts'
import { majorOf, newestServer, oldestServer } from '../connection/server.ts'
import type { Session } from '../connection/session.ts'
import { vacuumFindings } from './vacuum.ts'

/** The store that the findings are about. */
export interface FindingsParts {
  readonly schema: string
  readonly where: string
  /** How often changes are looked for where nothing listens. */
  readonly lookMs: number
  /** A connection that can listen; null where there is none. */
  readonly listener: () => Promise<Session | null>
}

/** Clocks of hosts that keep the time are closer than this. */
const largeDifferenceMs = 1000
/** A notice takes a millisecond. */
const noticeMs = 2000

/** Gathers the findings: server, encoding, schema and indexes, rights, clock, notices, and dead rows. */
export async function postgresFindings(
  session: Session,
  parts: FindingsParts,
): Promise<readonly Finding[]> {
  return [
    ...(await serverFindings(session, parts.where)),
    ...(await driftFindings(session, parts.schema)),
    await rightsFinding(session, parts.schema),
    await clockFinding(session),
    await hintsFinding(session, parts),
    ...(await vacuumFindings(session, parts.schema)),
  ]
}

async function serverFindings(session: Session, where: string): Promise<readonly Finding[]> {
  const [server] = await session.rows(
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
      current_setting('server_encoding') AS encoding`,
    [],
  )
  const major = majorOf(Number(server?.['number']))
  const message = `PostgreSQL ${String(server?.['version'])} at ${where}`
  const isTested = major <= newestServer
  const hint = `Tested are ${oldestServer} to ${newestServer}: look for a newer Checkrein.`
  return [
    isTested
      ? { name: 'server', level: 'ok', message }
      : {
          name: 'server',
          level: 'warning',
          message: `${message} is newer than what was tested`,
          hint,
        },
    ...encodingFindings(String(server?.['encoding'])),
  ]
}

function encodingFindings(encoding: string): readonly Finding[] {
  if (encoding === 'UTF8') return []
  const message = `the database has the encoding ${encoding}: text with characters that it lacks is refused, or damaged`
  const hint = "Move to a database with UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0;"
  return [{ name: 'encoding', level: 'error', message, hint }]
}

/** Compares the clocks. The database is taken to have read its clock half-way between question and answer; the fastest of three answers counts. */
async function clockFinding(session: Session): Promise<Finding> {
  const samples: { differenceMs: number; tookMs: number }[] = []
  for (let count = 0; count < 3; count++) {
    const asked = Date.now()
    const [row] = await session.rows(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now',
      [],
    )
    const tookMs = Date.now() - asked
    samples.push({ differenceMs: Number(row?.['now']) - asked - tookMs / 2, tookMs })
  }
  const [best] = samples.sort((one, other) => one.tookMs - other.tookMs)
  return clockWords(best?.differenceMs ?? 0)
}

/** The finding `clock`: a warning where the clocks of this host and the database differ by more than a second. @param differenceMs how far the database is ahead. */
export function clockWords(differenceMs: number): Finding {
  const amount = humanDuration(Math.abs(differenceMs))
  const isLarge = Math.abs(differenceMs) > largeDifferenceMs
  if (!isLarge) return { name: 'clock', level: 'ok', message: `within ${amount} of the database's` }
  return {
    name: 'clock',
    level: 'warning',
    message: `this host's clock is ${amount} ${differenceMs > 0 ? 'behind' : 'ahead of'} the database's`,
    hint: 'Leases, delays and stops are not affected: they follow the database’s clock. A `runAt` that this host computes is off by that much. Keep both clocks right (NTP).',
  }
}

/** Whether a notice that this connection sends is heard where workers would listen. */
async function hintsFinding(session: Session, parts: FindingsParts): Promise<Finding> {
  const name = 'hints'
  try {
    await using ear = await Ear.open(parts)
    if (!ear) return polling(parts)
    await session.rows('SELECT pg_notify($1, $2)', [ear.channel, ''])
    if (await ear.hasHeard()) return { name, level: 'ok', message: 'come by LISTEN and NOTIFY' }
    const message = 'a NOTIFY of this database is not heard on the connection that listens'
    const hint =
      'Give listenUrl a direct connection to the same database, not to a pooler or a standby.'
    return { name, level: 'warning', message: `${message}; ${costOf(parts)}`, hint }
  } catch (error) {
    const { message, hint } = storeError(error, parts.where)
    return {
      name,
      level: 'warning',
      message: `no connection can listen: ${message}; ${costOf(parts)}`,
      ...(hint === undefined ? {} : { hint }),
    }
  }
}

const costOf = ({ lookMs }: FindingsParts): string =>
  `each process looks for changes every ${humanDuration(lookMs)} instead, and hears of a stop that much later`

function polling(parts: FindingsParts): Finding {
  return {
    name: 'hints',
    level: 'ok',
    message: `a pooler hands out connections by transaction, so nothing can LISTEN: ${costOf(parts)}`,
    hint: 'A direct connection as listenUrl makes that a millisecond.',
  }
}

/** A connection that listens, on a channel of its own. */
class Ear implements AsyncDisposable {
  readonly channel = `checkrein_doctor_${randomBytes(6).toString('hex')}`
  readonly #session: Session
  readonly #heard = Promise.withResolvers<boolean>()

  static async open({ listener }: FindingsParts): Promise<Ear | null> {
    const session = await listener()
    if (!session) return null
    const ear = new Ear(session)
    try {
      await session.script(`LISTEN ${ear.channel}`)
      return ear
    } catch (error) {
      await ear[Symbol.asyncDispose]()
      throw error
    }
  }

  private constructor(session: Session) {
    this.#session = session
    session.listen(
      () => this.#heard.resolve(true),
      () => this.#heard.resolve(false),
    )
  }

  async hasHeard(): Promise<boolean> {
    const timer = setTimeout(() => this.#heard.resolve(false), noticeMs)
    const hasHeard = await this.#heard.promise
    clearTimeout(timer)
    return hasHeard
  }

  /** The connection is not used again: it listens. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.release(false)
  }
}
