import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { defaultKill, type KillWay, type SentOsSignal } from '../../core/run/kill.ts'
import type { DeadmanLine } from '../wire/channel.ts'
import { type Family, familyOf, markerName } from '../os/family.ts'
import { outputStdio, printFor } from '../os/output.ts'
import type { Surroundings } from '../os/surroundings.ts'
import { TreeFreeze } from './freeze.ts'
import { TreeEnd } from './tree-end.ts'
import { deadmanFd } from '../watchdog/arm-deadman.ts'

/** The exit of a process, as it was observed. */
export interface Exit {
  readonly pid: number
  readonly exitCode: number | null
  readonly osSignal: string | null
}

/** The settings of a process tree. */
export interface ProcessTreeSettings {
  readonly entry: URL
  /** How many pipes it gets besides the first (3) and the deadman (4); they are numbered from 5. */
  readonly laneCount?: number
  readonly goodUntil: number
  readonly surroundings: Surroundings
  /** Called with the error where no process could be made. */
  readonly onUnmade: (error: unknown) => void
}

/**
 * A child process of the worker with all processes that descend from it (`os/family.ts` finds them). The child leads a group of its
 * own and has a dead man's switch, and its end, with that of all its descendants, is made certain.
 */
export class ProcessTree {
  /**
   * Fulfils when its exit was observed and no process of the tree is left; with null where it could not be spawned. Processes
   * that it leaves behind when it exits by itself are killed.
   */
  readonly gone: Promise<Exit | null>
  /** 0 where it could not be spawned. */
  readonly pid: number
  readonly #process: ChildProcess | null
  readonly #family: Family | null
  readonly #exited: Promise<Exit | null>
  #ending: TreeEnd | null = null
  #goodUntil: number
  /** Set while the tree is frozen, or on its way there. */
  #freezing: TreeFreeze | null = null

  constructor(settings: ProcessTreeSettings) {
    const marker = randomUUID()
    this.#process = trySpawn(settings, marker)
    this.#exited = whenExited(this.#process, settings.onUnmade)
    const pid = this.#process?.pid
    this.pid = pid ?? 0
    this.#family = pid === undefined ? null : familyOf(pid, marker)
    this.gone = this.#exited.then(async (exit) => {
      await this.end()
      return exit
    })
    this.#goodUntil = settings.goodUntil
    this.renew(settings.goodUntil)
  }

  /** The worker's end of a pipe, by its number in the child. */
  pipe(fd: number): Duplex | null {
    return (pipesOf(this.#process)[fd] ?? null) as Duplex | null
  }

  renew(goodUntil: number): void {
    this.#goodUntil = Math.min(goodUntil, Number.MAX_SAFE_INTEGER)
    // Nobody reads the pipe to the dead man's switch of a frozen child, so the pipe would fill.
    if (this.#freezing !== null) this.#freezing.renew(this.#goodUntil)
    else this.tellDeadman(['until', this.#goodUntil])
  }

  /** Stops the whole tree where it stands; fulfils when that was observed, and with false where it can't be done. */
  async freeze(): Promise<boolean> {
    if (this.#family === null || this.#ending !== null || process.platform === 'win32') return false
    this.#freezing ??= new TreeFreeze(this.#family, this.#goodUntil)
    const freezing = this.#freezing
    const isFrozen = await freezing.applied
    if (!isFrozen && this.#freezing === freezing) this.thaw()
    return isFrozen
  }

  /** Lets a frozen tree go on. */
  thaw(): void {
    const freezing = this.#freezing
    if (freezing === null || this.#ending !== null) return
    this.#freezing = null
    // The renewal comes before the thaw, for the time that the child knows may be up.
    this.renew(this.#goodUntil)
    freezing.thaw()
  }

  /** Tells its dead man's switch something. */
  tellDeadman(line: DeadmanLine): void {
    const deadman = this.pipe(deadmanFd)
    if (deadman?.writable === true) deadman.write(`${JSON.stringify(line)}\n`)
  }

  /** The OS signals that it was sent to end it. */
  get sent(): readonly SentOsSignal[] {
    return this.#ending?.sent ?? []
  }

  /** How long it has until it gets SIGKILL, ms; 0 where it has got it, and where nobody ends it. */
  get killInMs(): number {
    return this.#ending?.killInMs ?? 0
  }

  /**
   * Kills the whole tree. Resolves when no process is left, which `gone` then says.
   * @param way may be another one than in an earlier call: it can only shorten the time that is left. Without it, the way of an
   * earlier call stays.
   */
  async end(way?: KillWay): Promise<void> {
    if (this.#family === null) return
    if (this.#ending === null) this.#ending = this.#beginEnd(this.#family, way ?? defaultKill)
    else if (way !== undefined) this.#ending.follow(way)
    await this.#ending.over
  }

  /** Ends the whole tree, of which the child itself has nothing left to do. @param way without one, that of an earlier call stays. */
  retire(way?: KillWay): Promise<void> {
    const over = this.end(way)
    this.#ending?.dismissLeader()
    return over
  }

  /** A frozen process can't hear any signal but SIGKILL, so it gets that at once. */
  #beginEnd(family: Family, way: KillWay): TreeEnd {
    const freezing = this.#freezing
    freezing?.leave()
    const ending = new TreeEnd(family, this.#exited, freezing === null ? way : killAtOnce)
    void ending.over.then(() => freezing?.dismissGuard())
    return ending
  }
}

const killAtOnce: KillWay = { osSignal: 'SIGKILL', killAfterMs: 0 }

function trySpawn(
  { entry, laneCount = 0, surroundings, onUnmade }: ProcessTreeSettings,
  marker: string,
): ChildProcess | null {
  const lanes = Array.from({ length: laneCount }, () => 'pipe' as const)
  try {
    return spawn(process.execPath, [...inheritedFlags(process.execArgv), fileURLToPath(entry)], {
      detached: true,
      windowsHide: true,
      stdio: ['ignore', ...outputStdio(), 'pipe', 'pipe', ...lanes],
      ...(surroundings.folder === null ? {} : { cwd: surroundings.folder }),
      env: { ...surroundings.env, [markerName]: marker },
    })
  } catch (error) {
    onUnmade(error)
    return null
  }
}

const forTheWorker =
  /^(--(inspect|test|watch|eval|print|check|interactive|input-type|cpu-prof|heap-prof|run)|-[epci]$|-pe$)/

/** The flags that the worker was started with (loaders, conditions, limits), without those that are for the worker alone. */
function inheritedFlags(flags: readonly string[]): string[] {
  let isKept = true
  return flags.filter((flag) => {
    // An argument without a dash is the value of the flag before it.
    if (flag.startsWith('-')) isKept = !forTheWorker.test(flag)
    return isKept
  })
}

/** The pipes to a child; none where the spawn failed for want of file descriptors: Node leaves `stdio` undefined then. */
function pipesOf(
  child: ChildProcess | null,
): readonly (ChildProcess['stdio'][number] | undefined)[] {
  return (child as Partial<ChildProcess> | null)?.stdio ?? []
}

/** Prints what a child prints into pipes. A descendant that holds on to them must not keep this process alive. */
function printOf({ stdout, stderr }: Partial<ChildProcess>): void {
  printFor({ stdout: stdout ?? null, stderr: stderr ?? null })
  for (const pipe of [stdout, stderr]) (pipe as Socket | null | undefined)?.unref()
}

function whenExited(
  child: ChildProcess | null,
  onUnmade: (error: unknown) => void,
): Promise<Exit | null> {
  if (child === null) return Promise.resolve(null)
  const { pid } = child
  for (const pipe of pipesOf(child)) pipe?.on('error', () => {})
  printOf(child)
  return new Promise((resolve) => {
    child.on('error', (error) => {
      if (pid !== undefined) return
      onUnmade(error)
      resolve(null)
    })
    child.once('exit', (exitCode, osSignal) => {
      if (pid !== undefined) resolve({ pid, exitCode, osSignal })
    })
  })
}
