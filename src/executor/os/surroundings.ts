/** The working directory and the environment of a process. */
export interface Surroundings {
  /** Null where it does not exist any more. */
  readonly folder: string | null
  readonly env: NodeJS.ProcessEnv
}

/** The surroundings of this process as they are now. An inline handler may change them later, and other isolates must not pay for that. */
export function surroundings(): Surroundings {
  return { folder: currentFolder(), env: { ...process.env } }
}

/** Where this process is; null where that folder was removed. */
export function currentFolder(): string | null {
  try {
    return process.cwd()
  } catch {
    return null
  }
}
