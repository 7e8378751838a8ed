import { defaultKill, type KillWay, type OsSignal, type SentOsSignal } from '../../core/run/kill.ts'
import {
  type Family,
  type FamilyMember,
  killLeader,
  livingMembers,
  signalGroup,
  signalStrays,
} from '../os/family.ts'

/**
 * The end of a process tree: an OS signal to every process of it, and SIGKILL to those that are left after a while, until no process
 * is alive. A later order may name another signal, which is sent, too, and may shorten the time; it never lengthens it.
 */
export class TreeEnd {
  /** Fulfils when no process of the tree is left. */
  readonly over: Promise<void>
  readonly sent: SentOsSignal[] = []
  readonly #family: Family
  readonly #exited: Promise<unknown>
  #hasExited = false
  /** The signal that is to be sent; null where it was. */
  #next: OsSignal | null = null
  #newest: OsSignal | null = null
  #killAt = Number.POSITIVE_INFINITY
  /** When the leader gets SIGKILL, should that be before the others do. */
  #leaderKillAt = Number.POSITIVE_INFINITY
  #wake: () => void = () => {}

  /** @param exited fulfils when the leader of the family has exited and was reaped. */
  constructor(family: Family, exited: Promise<unknown>, way: KillWay) {
    this.#family = family
    this.#exited = this.#noteExit(exited)
    this.follow(way)
    this.over = this.#climb()
  }

  async #noteExit(exited: Promise<unknown>): Promise<void> {
    await exited
    this.#hasExited = true
  }

  /** How long it is until SIGKILL, ms. */
  get killInMs(): number {
    return Math.max(0, this.#killAt - performance.now())
  }

  /** Follows an order; the same one again sends nothing. */
  follow({ osSignal, killAfterMs }: KillWay): void {
    // On Windows there are no signals: what is ended there is killed at once.
    const isAtOnce = osSignal === 'SIGKILL' || process.platform === 'win32'
    this.#killAt = Math.min(this.#killAt, performance.now() + (isAtOnce ? 0 : killAfterMs))
    if (isAtOnce) this.#next = null
    else if (osSignal !== this.#newest) this.#next = this.#newest = osSignal
    this.#wake()
  }

  /** The leader has nothing left to do: it has no more time than where nobody chooses any. The others keep theirs. */
  dismissLeader(): void {
    const soon = performance.now() + defaultKill.killAfterMs
    this.#leaderKillAt = Math.min(this.#leaderKillAt, soon)
    this.#wake()
  }

  /** A look at the family that failed says nothing, so the ladder goes on. */
  async #climb(): Promise<void> {
    for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 100)) {
      // The look comes before the signal: a process that loses its parent by the signal may not be found any more.
      const left = await livingMembers(this.#family).catch(() => null)
      if (left?.length === 0 && this.#hasExited) return
      this.#send(left ?? [])
      await this.#pause(waitMs)
    }
  }

  /** Sends what is due. */
  #send(left: readonly FamilyMember[]): void {
    const next = this.#next
    this.#next = null
    if (next !== null) this.#signal(next, left)
    if (this.killInMs === 0) this.#signal('SIGKILL', left)
    else if (this.#leaderInMs === 0) this.#killLeader()
  }

  /** Signals the group, but only while its number can't be that of another group, and those that have left it. */
  #signal(osSignal: OsSignal, left: readonly FamilyMember[]): void {
    const hasGroup = !this.#hasExited || left.some((member) => member.isInGroup)
    if (!hasGroup && left.length === 0) return
    this.#note(osSignal)
    signalStrays(left, osSignal)
    if (hasGroup) signalGroup(this.#family.leader, osSignal)
  }

  get #leaderInMs(): number {
    return Math.max(0, Math.min(this.#leaderKillAt, this.#killAt) - performance.now())
  }

  /** Its number is its own until it was reaped. */
  #killLeader(): void {
    if (this.#hasExited) return
    this.#note('SIGKILL')
    killLeader(this.#family)
  }

  #note(osSignal: OsSignal): void {
    if (this.sent.at(-1)?.osSignal !== osSignal) this.sent.push({ osSignal, at: Date.now() })
  }

  /** Nobody looks while the leader lives and has time: its exit ends the pause, and so does an order. */
  async #pause(waitMs: number): Promise<void> {
    const { promise: woken, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    if (this.#next !== null) return
    const leftMs = this.#hasExited ? this.killInMs : this.#leaderInMs
    const isLookedAt = this.#hasExited || leftMs === 0
    const lookMs = leftMs === 0 ? waitMs : Math.min(waitMs, leftMs)
    const timer = setTimeout(resolve, isLookedAt ? lookMs : leftMs)
    await (isLookedAt ? woken : Promise.race([woken, this.#exited]))
    clearTimeout(timer)
  }
}
