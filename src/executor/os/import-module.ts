/** The import of a user's module that says so where it can never end. */

/** Ends the imports that are under way, each with its module: one listener for all, for Node warns of more than ten. */
const giveUp = new Map<() => void, string>()

/** The modules that are being imported: where the process ends meanwhile, one of them has ended it. */
export const importing = (): readonly string[] => [...giveUp.values()]

function onEmpty(): void {
  // The rejection needs a turn of the event loop, which is about to end.
  setImmediate(() => {
    for (const end of giveUp.keys()) end()
  })
}

/**
 * Imports a module. One whose top-level await waits for nothing leaves an empty event loop, and Node would end the process with code 13, without
 * a word of which module it was: then this rejects instead.
 */
export async function importModule(module: string): Promise<Record<string, unknown>> {
  const { promise, reject } = Promise.withResolvers<never>()
  const end = (): void => reject(new Error('its top-level await never settles'))
  if (giveUp.size === 0) process.on('beforeExit', onEmpty)
  giveUp.set(end, module)
  try {
    return await Promise.race([import(module) as Promise<Record<string, unknown>>, promise])
  } finally {
    giveUp.delete(end)
    if (giveUp.size === 0) process.off('beforeExit', onEmpty)
  }
}
