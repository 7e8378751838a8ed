import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CheckreinError } from '../../core/errors.ts'
import { importModule } from '../../executor/os/import-module.ts'
import { checkedConfig, type Config } from '../../worker/config.ts'

const names = ['ts', 'mts', 'js', 'mjs'].map((end) => `checkrein.config.${end}`)

/** Reads the configuration file of a folder; an empty configuration where there is none. @throws {CheckreinError} `CONFIG_INVALID`. */
export async function readConfig(folder: string): Promise<Config> {
  const [name, other] = names.filter((one) => existsSync(join(folder, one)))
  if (name === undefined) return {}
  if (other !== undefined)
    throw broken(name, { what: `there is ${other} beside it`, hint: 'Keep one of the two.' })
  return checkedConfig(await defaultExport(folder, name), name)
}

async function defaultExport(folder: string, name: string): Promise<unknown> {
  let loaded: object
  try {
    loaded = await importModule(pathToFileURL(join(folder, name)).href)
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw broken(name, {
      what: `it cannot be loaded: ${message}`,
      hint: 'Mend the file, or move it away.',
      cause,
    })
  }
  if ('default' in loaded) return loaded.default
  const hint = "End it with `export default defineConfig({ store: 'sqlite:work.db' })`."
  throw broken(name, { what: 'it has no default export', hint })
}

interface Defect {
  readonly what: string
  readonly hint: string
  readonly cause?: unknown
}

function broken(name: string, { what, hint, cause }: Defect): CheckreinError {
  const message = `${name}: ${what}`
  return new CheckreinError('CONFIG_INVALID', { message, hint, details: { file: name }, cause })
}
