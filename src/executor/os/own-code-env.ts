/**
 * The environment of a thread or process that runs our code alone. Preloads and NODE_OPTIONS are not for it; where
 * compiled modules are kept is, so that it starts at once.
 */
export function ownCodeEnv(): Record<string, string> {
  const folder = process.env['NODE_COMPILE_CACHE']
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder }
}
