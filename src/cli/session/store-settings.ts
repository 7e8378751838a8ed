/** Which store a command is for: the command line wins over the environment, and that over the configuration file. */
import { isPostgresUrl, schemaIn, shownUrl } from '../../client/connect.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { Config } from '../../worker/config.ts'

/** The store as one of the three names it: the command line, the environment, or the configuration file. */
interface Layer {
  readonly store?: string | undefined
  readonly schema?: string | undefined
}

/** The store of a command. */
export interface StoreSettings {
  readonly url: string
  /** The options for `connect`. */
  readonly options: { readonly schema?: string; readonly listenUrl?: string }
  /** How the store is called in what people read: without a password. */
  readonly shown: string
}

const defaultStore = 'sqlite:checkrein.db'

/** @throws {CheckreinError} `USAGE` for `--schema` where it means nothing. */
export function storeSettings(given: Layer, env: NodeJS.ProcessEnv, config: Config): StoreSettings {
  const layers = [given, environment(env), config]
  const url = layers.find(({ store }) => store !== undefined)?.store ?? defaultStore
  if (!isPostgresUrl(url)) {
    if (given.schema !== undefined) throw noSchemas(url)
    return { url, options: {}, shown: url }
  }
  const schema = schemaOf(layers, url)
  // The direct connection of another server would hear nothing.
  const listenUrl = given.store === undefined ? config.listenUrl : undefined
  const options = {
    ...(schema === undefined ? {} : { schema }),
    ...(listenUrl === undefined ? {} : { listenUrl }),
  }
  const shownSchema = schema ?? schemaIn(url).schema
  return { url, options, shown: `${shownUrl(url)}${shownSchema ? `, schema ${shownSchema}` : ''}` }
}

/** `CHECKREIN_STORE`, or a `DATABASE_URL` that names a store of ours. */
function environment(env: NodeJS.ProcessEnv): Layer {
  const { CHECKREIN_STORE: own, CHECKREIN_SCHEMA: schema, DATABASE_URL: url } = env
  const store = url && /^(sqlite|file|postgres|postgresql):/.test(url) ? url : undefined
  return { store: own || store, schema: schema || undefined }
}

/** The first that names a schema; a store's URL may do so too. */
function schemaOf(layers: readonly Layer[], url: string): string | undefined {
  for (const { store, schema } of layers) {
    if (schema !== undefined) return schema
    if (store === url && schemaIn(url).schema !== undefined) return undefined
  }
  return undefined
}

function noSchemas(url: string): CheckreinError {
  return new CheckreinError('USAGE', {
    message: `--schema is for PostgreSQL, and the store is ${shownUrl(url)}`,
    hint: 'Name the store: --store postgres://user:password@host:5432/database',
  })
}
