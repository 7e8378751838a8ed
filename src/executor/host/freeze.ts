/**
 * A process tree that stands still: every process of it stopped by SIGSTOP, and seen to be.
 *
 * A stopped child can't die by its dead man's switch, for the thread of the switch stands still, too. Should the worker die
 * meanwhile, the child would lie there for ever, and should somebody continue it, its old code would run on beside that of a new
 * attempt. So before any process is stopped, a guard is started: a small process outside of the tree that has a pipe to the worker
 * and knows until when the lease is good, as the switch does. At the end of file, or when the time passes, it kills the tree.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type Family,
  type FamilyMember,
  hasProc,
  livingMembers,
  signalGroup,
  signalStrays,
} from '../os/family.ts'
import type { GuardLine } from '../watchdog/freeze-guard.ts'
import { ownCodeEnv } from '../os/own-code-env.ts'

/**
 * How long a stop may take. It takes some ms, but for a process that sits in the kernel (state D), and on a machine so loaded that the
 * look at the processes takes seconds.
 */
const stopBoundMs = 5000

/** One freeze of a process tree, from the guard that is armed first to the thaw. */
export class TreeFreeze {
  /** Whether every process was seen to stand still. */
  readonly applied: Promise<boolean>
  readonly #family: Family
  /** Null where it could not be started. */
  readonly #guard: ChildProcess | null
  #members: readonly FamilyMember[] = []
  #isOver = false

  constructor(family: Family, goodUntil: number) {
    this.#family = family
    this.#guard = startGuard()
    const { leader, marker, bornAt, known } = family
    this.#tell(['guard', { leader, marker, bornAt, known: [...known] }, goodUntil])
    this.applied = this.#apply()
  }

  /** Tells the guard until when the lease is good now. */
  renew(goodUntil: number): void {
    this.#tell(['until', goodUntil])
  }

  /** Lets every process go on, and dismisses the guard. */
  thaw(): void {
    this.#isOver = true
    signalStrays(this.#members, 'SIGCONT')
    signalGroup(this.#family.leader, 'SIGCONT')
    this.dismissGuard()
  }

  /** Stops no further process: the tree is being killed. */
  leave(): void {
    this.#isOver = true
  }

  /** Ends the guard: there is nothing left to guard. */
  dismissGuard(): void {
    this.#guard?.kill('SIGKILL')
  }

  async #apply(): Promise<boolean> {
    const isGuarded = this.#guard !== null && (await whenArmed(this.#guard))
    if (!isGuarded || this.#isOver) return false
    signalGroup(this.#family.leader, 'SIGSTOP')
    if (!hasProc) return true
    const lateAt = performance.now() + stopBoundMs
    for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 50)) {
      const members = await livingMembers(this.#family).catch(() => null)
      if (this.#isOver || performance.now() > lateAt) return false
      if (members !== null && this.#stop(members)) return members.length > 0
      await new Promise((resolve) => void setTimeout(resolve, waitMs))
    }
  }

  /** Stops the processes that still move. @returns whether none did. */
  #stop(members: readonly FamilyMember[]): boolean {
    this.#members = members
    const moving = members.filter(({ isStopped }) => !isStopped)
    signalStrays(moving, 'SIGSTOP')
    if (moving.some(({ isInGroup }) => isInGroup)) signalGroup(this.#family.leader, 'SIGSTOP')
    return moving.length === 0
  }

  #tell(line: GuardLine): void {
    const stdin = this.#guard?.stdin
    if (stdin?.writable === true) stdin.write(`${JSON.stringify(line)}\n`)
  }
}

/** Starts the guard in a session of its own, so that no signal to the worker's group reaches it. */
function startGuard(): ChildProcess | null {
  const entry = new URL(`../watchdog/freeze-guard${extname(import.meta.url)}`, import.meta.url)
  try {
    const guard = spawn(process.execPath, [fileURLToPath(entry)], {
      detached: true,
      // It inherits no output: that would have the output of the worker block, see `os/output.ts`.
      stdio: ['pipe', 'pipe', 'ignore'],
      env: ownCodeEnv(),
    })
    // A write may fail because the guard has died; its answer is awaited where that matters.
    guard.stdin?.on('error', () => {})
    guard.on('error', () => {})
    return guard
  } catch {
    return null
  }
}

function whenArmed(guard: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    guard.stdout?.once('data', () => resolve(true))
    guard.once('error', () => resolve(false))
    guard.once('exit', () => resolve(false))
  })
}
