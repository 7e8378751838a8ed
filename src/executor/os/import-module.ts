/** The import of a user's module that says so where it can never end. */

/**
 * Imports a module. One whose top-level await waits for nothing leaves an empty event loop, and Node would end the process with code 13, without
 * a word of which module it was: then this rejects instead.
 */
export async function importModule(module: string): Promise<Record<string, unknown>> {
  const { promise, reject } = Promise.withResolvers<never>()
  const onEmpty = (): void => {
    // The rejection needs a turn of the event loop, which is about to end.
    setImmediate(() => reject(new Error('its top-level await never settles')))
  }
  process.once('beforeExit', onEmpty)
  try {
    return await Promise.race([import(module) as Promise<Record<string, unknown>>, promise])
  } finally {
    process.off('beforeExit', onEmpty)
  }
}
