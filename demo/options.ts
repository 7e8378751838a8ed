import { accessSync, constants, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { DemoError } from './errors.ts'
import { type Fault, faults } from './index-folder.ts'

export const usage = `Usage: npm run demo -- [folder] [options]

Indexes a real folder in one run while three others, two of which refuse to stop, are cancelled beside it. Then it
changes the speed of the run by a signal, pauses it, kills its worker with -9, starts another worker, and resumes it.
It looks for what all of them may have left, and exits with 1 if a promise was broken.

  folder            what to index; default: the installed node_modules of Checkrein
  --limit <MiB>     the most to index, default 384: of the first 20,000 files in path order those that fit;
                    folders named .cache are left out
  --keep            keep the database and the manifest, and say where they are
  --suspect <pid>   promise also that this process is gone: with one that lives, the demo must fail
  --fault <name>    have the run do something wrong: the demo must fail. "deaf": it takes the signal to go slower, and
                    does not obey; "forgetful": it begins anew where it should go on
  --help

  NO_COLOR=1        no colours
`

export interface DemoOptions {
  readonly folder: string
  readonly limitBytes: number
  readonly isKept: boolean
  readonly suspects: readonly number[]
  readonly faults: readonly Fault[]
}

/** @returns null where help was asked for. @throws {DemoError} with exit code 64 or 66. */
export function demoOptions(args: readonly string[]): DemoOptions | null {
  const { values, positionals } = parsed(args)
  if (values.help) return null
  if (positionals.length > 1) throw new DemoError(64, 'Give one folder at most; see --help.')
  const limit = wholeNumber(values.limit ?? '384', '--limit')
  return {
    folder: checkedFolder(positionals[0]),
    limitBytes: limit * 1024 * 1024,
    isKept: values.keep ?? false,
    suspects: (values.suspect ?? []).map((pid) => wholeNumber(pid, '--suspect')),
    faults: (values.fault ?? []).map(checkedFault),
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        limit: { type: 'string' },
        keep: { type: 'boolean' },
        suspect: { type: 'string', multiple: true },
        fault: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new DemoError(64, `${(error as Error).message}\nSee --help.`)
  }
}

function wholeNumber(text: string, what: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new DemoError(64, `${what} must be a whole number from 1, not ${JSON.stringify(text)}.`)
}

function checkedFault(name: string): Fault {
  const fault = faults.find((one) => one === name)
  if (fault !== undefined) return fault
  throw new DemoError(
    64,
    `--fault must be one of ${faults.join(', ')}, not ${JSON.stringify(name)}.`,
  )
}

function checkedFolder(asked: string | undefined): string {
  const folder = asked === undefined ? ownModules() : resolve(whereAsked(), asked)
  if (!isFolder(folder)) throw new DemoError(66, `Not a folder: ${folder}`)
  try {
    accessSync(folder, constants.R_OK | constants.X_OK)
  } catch {
    throw new DemoError(66, `The folder can't be read: ${folder}`)
  }
  return folder
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch (error) {
    throw new DemoError(
      66,
      `There is no such folder: ${path} (${(error as NodeJS.ErrnoException).code})`,
    )
  }
}

const ownModules = (): string => fileURLToPath(new URL('../node_modules', import.meta.url))

/** `npm run` changes to the package's folder, and tells where it was called. */
function whereAsked(): string {
  const { npm_lifecycle_event: script, INIT_CWD: calledFrom } = process.env
  return script === 'demo' && calledFrom !== undefined ? calledFrom : process.cwd()
}
