/**
 * The traces that an attempt leaves in its isolate, and that the next attempt would find: the working directory, the environment, the
 * umask, and the listeners of the process. They are put back as they were when the task's module had been loaded.
 *
 * Looks are cheap (measured: 12 us with 40 variables), and all but the working directory comes after the end was reported. Nothing
 * finds the rest: changed globals, timers, caches of modules.
 */
import { isMainThread } from 'node:worker_threads'
import { currentFolder } from '../os/surroundings.ts'

type Listener = (...args: unknown[]) => void
type Event = string | symbol

interface Before {
  readonly names: readonly string[]
  readonly values: readonly (string | undefined)[]
  readonly listeners: ReadonlyMap<Event, readonly Listener[]>
}

const { env } = process

/** Puts back what attempts change in their process. A thread has neither a working directory nor a umask of its own. */
export class Traces {
  readonly #modules = new Set<string>()
  #folder: string | null = null
  #umask = 0
  #before: Before | null = null
  #areListenersTouched = false
  readonly #onTouched = (): void => void (this.#areListenersTouched = true)

  /** Notes how things are, where a module was loaded since the last time: whatever it has set up stays. */
  note(module: string): void {
    if (this.#modules.has(module)) return
    this.#modules.add(module)
    if (isMainThread) {
      this.#folder = currentFolder()
      this.#umask = process.umask()
    }
    process.off('newListener', this.#onTouched).on('newListener', this.#onTouched)
    process.off('removeListener', this.#onTouched).on('removeListener', this.#onTouched)
    const names = Object.getOwnPropertyNames(env)
    this.#before = { names, values: names.map((name) => env[name]), listeners: allListeners() }
    this.#areListenersTouched = false
  }

  /** Puts the working directory back. @returns whether that could be done: an isolate elsewhere must not run another attempt. */
  restoreFolder(): boolean {
    if (this.#folder === null || currentFolder() === this.#folder) return true
    try {
      process.chdir(this.#folder)
      return true
    } catch {
      return false
    }
  }

  /** Puts all else back. */
  restore(): void {
    const before = this.#before
    if (before === null) return
    if (isMainThread) process.umask(this.#umask)
    if (process.env !== env) process.env = env
    if (!isEnvAsBefore(before)) restoreEnv(before)
    if (this.#areListenersTouched || !this.#isWatching) restoreListeners(before)
    this.#areListenersTouched = false
  }

  /** False where all listeners were removed, and those here with them. */
  get #isWatching(): boolean {
    return listenersOf('newListener').includes(this.#onTouched)
  }
}

/** As many variables as before, and all as before, are the same variables. */
function isEnvAsBefore({ names, values }: Before): boolean {
  if (Object.getOwnPropertyNames(env).length !== names.length) return false
  return names.every((name, at) => env[name] === values[at])
}

function restoreEnv({ names, values }: Before): void {
  const known = new Set(names)
  for (const name of Object.getOwnPropertyNames(env)) if (!known.has(name)) delete env[name]
  for (const [at, name] of names.entries()) if (env[name] !== values[at]) env[name] = values[at]
}

function allListeners(): Map<Event, readonly Listener[]> {
  return new Map(process.eventNames().map((event) => [event, listenersOf(event)]))
}

function listenersOf(event: Event): readonly Listener[] {
  return process.rawListeners(event) as unknown as readonly Listener[]
}

function restoreListeners({ listeners: before }: Before): void {
  for (const event of new Set([...before.keys(), ...process.eventNames()])) {
    const wanted = before.get(event) ?? []
    const now = listenersOf(event)
    for (const listener of now)
      if (!wanted.includes(listener)) process.removeListener(event, listener)
    for (const listener of wanted)
      if (!now.includes(listener)) process.on(event as 'exit', listener)
  }
}
