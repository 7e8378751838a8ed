import { durationMs } from '../core/duration.ts'
import { CheckreinError } from '../core/errors.ts'
import { isRecord } from '../core/is-record.ts'
import { sharedNames, workerSettings, type WorkerOptions } from './options.ts'
import type { StopWorkerOptions } from './shutdown.ts'

/** The contents of `checkrein.config.ts`, for all commands that are run beside it; the command line and the environment win. */
export interface Config {
  /** Names the store: `sqlite:work.db`, `postgres://user:password@host:5432/database`. */
  readonly store?: string
  /** On PostgreSQL: the schema that holds the tables. */
  readonly schema?: string
  /** On PostgreSQL: a direct connection for LISTEN, where `store` names a pooler. */
  readonly listenUrl?: string
  /** Modules that export tasks, for `worker` and `dev`: paths, relative to the file, or file URLs. */
  readonly modules?: readonly (string | URL)[]
  /** Whether each request must say who asks, with `--by`: the name of the user will not do. */
  readonly requireBy?: boolean
  readonly worker?: Omit<WorkerOptions, 'modules'> & StopWorkerOptions
}

/** Gives back what it was given, with its type: `export default defineConfig({ … })`. */
export function defineConfig(config: Config): Config {
  return config
}

const kinds: Readonly<Record<keyof Config, 'text' | 'list' | 'object' | 'flag'>> = {
  store: 'text',
  schema: 'text',
  listenUrl: 'text',
  modules: 'list',
  requireBy: 'flag',
  worker: 'object',
}
const workerNames: Readonly<Record<keyof NonNullable<Config['worker']>, true>> = {
  ...sharedNames,
  finish: true,
  grace: true,
}

/** @param file how the errors call it. @throws {CheckreinError} `CONFIG_INVALID` for what is no configuration. */
export function checkedConfig(value: unknown, file: string): Config {
  if (!isRecord(value)) throw invalid(file, 'it is not an object')
  refuseUnknown(file, value, { known: Object.keys(kinds), of: '' })
  for (const [name, kind] of Object.entries(kinds)) {
    const field = value[name]
    if (field !== undefined && !fits[kind](field))
      throw invalid(file, `${name} is not ${words[kind]}`)
  }
  const config = value as Config
  refuseUnknown(file, { ...config.worker }, { known: Object.keys(workerNames), of: 'worker.' })
  checkWorker(file, config.worker)
  return config
}

const fits = {
  text: (field: unknown): boolean => typeof field === 'string' && field !== '',
  list: (field: unknown): boolean =>
    Array.isArray(field) && field.every((one) => typeof one === 'string' || one instanceof URL),
  object: isRecord,
  flag: (field: unknown): boolean => typeof field === 'boolean',
}
const words = {
  text: 'text; where a variable gives it, is that set?',
  list: 'a list of paths',
  object: 'an object',
  flag: 'true or false',
}

function refuseUnknown(
  file: string,
  value: Readonly<Record<string, unknown>>,
  { known, of }: { readonly known: readonly string[]; readonly of: string },
): void {
  const unknown = Object.keys(value).find((name) => !known.includes(name))
  if (unknown === undefined) return
  throw invalid(
    file,
    `there is no field ${of}${unknown}`,
    `Fields: ${known.map((name) => of + name).join(', ')}.`,
  )
}

function checkWorker(file: string, worker: Config['worker'] = {}): void {
  try {
    const { finish = 0, grace = 0, ...options } = worker
    workerSettings({ ...options, modules: [] })
    durationMs(finish, 'finish')
    durationMs(grace, 'grace')
  } catch (error) {
    throw invalid(file, `worker: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function invalid(file: string, what: string, hint?: string): CheckreinError {
  return new CheckreinError('CONFIG_INVALID', {
    message: `${file}: ${what}`,
    hint: hint ?? 'Write it as defineConfig takes it; docs/cli.md shows an example.',
    details: { file },
  })
}
