/**
 * The errors that nobody catches, and the owner of the code that has thrown them.
 *
 * A timer that throws, a promise that nobody handles and a listener of an abort signal have no caller who could catch their error, so
 * Node ends the process. Where the code is a user's, that would cost every run of the process. Each piece of such code is therefore
 * called with its owner in the async context, which its timers, promises and listeners inherit. The owner gets their errors:
 *
 *     code of                           owner                                        the error
 *     an inline handler                 its attempt (`host/inline.ts`)               fails the run
 *     a task module, as it is loaded    the module (`worker/registry.ts`)            is published
 *     a subscriber of `workerChannel`   the publisher (`worker/telemetry.ts`)        becomes a warning
 *
 * `process.emit` is wrapped, for a listener of `uncaughtException` would do two wrongs. All listeners are called, so a listener of
 * the program that ends the process would end it for an error of one run. And a program whose own error should end it would be kept
 * alive. An error without an owner takes the way that it takes without this file.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

/** An owner of code whose errors nobody may catch. */
export interface ErrorOwner {
  /** Takes an error that nobody caught. It may come long after the call of the code, and it may come often. */
  onUncaught(error: unknown): void
}

const owners = new AsyncLocalStorage<ErrorOwner | null>()

/** Calls code of that owner; all that the code leaves behind belongs to the owner, too. @param owner null for our own code. */
export function ownedBy<T>(owner: ErrorOwner | null, call: () => T): T {
  return owners.run(owner, call)
}

/** The owner of the code that runs, or that has thrown the error that is dealt with; null where nobody knows. */
export function currentOwner(): ErrorOwner | null {
  return owners.getStore() ?? null
}

let areGiven = false

/** From now on, errors in this process that nobody catches go to their owners. */
export function giveErrorsToOwners(): void {
  if (areGiven) return
  areGiven = true
  const emit = process.emit.bind(process) as (...args: readonly unknown[]) => boolean
  process.emit = ((...args: readonly unknown[]): boolean => {
    const [event, error] = args
    const isUncaught = event === 'uncaughtException' || event === 'unhandledRejection'
    return (isUncaught && isTaken(error)) || emit(...args)
  }) as typeof process.emit
}

/** Gives an error to its owner. @returns whether there is one, who has taken it. */
function isTaken(error: unknown): boolean {
  const owner = currentOwner()
  if (owner === null) return false
  try {
    ownedBy(null, () => owner.onUncaught(error))
    return true
  } catch {
    return false
  }
}
