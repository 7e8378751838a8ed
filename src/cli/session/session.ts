/** The session that every command has: its store, its options, its way to answer, and how its command is made from the table. */
import { hostname, userInfo } from 'node:os'
import { type Command, Option } from 'commander'
import type { Client, ClientOptions } from '../../client/client.ts'
import { connect } from '../../client/connect.ts'
import type { Operation } from '../../client/operations/operation.ts'
import { type OperationName, operations } from '../../client/operations/operations.ts'
import { type Subject, subjects, type Word } from '../../client/operations/subjects.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { Config } from '../../worker/config.ts'
import { readConfig } from './config-file.ts'
import { addParameters, type Given } from './parameters.ts'
import { writeJson, writeLine, writeNote } from '../text/output.ts'
import { type StoreSettings, storeSettings } from './store-settings.ts'

/** How the store of a command is opened. */
export interface Opening {
  /** Whether the store is made where it does not exist. */
  readonly create?: boolean
  /** Whether a store that cannot be reached is waited for as a worker should. */
  readonly isPatient?: boolean
}

/** Somebody sits before it, and may have mistyped the URL. */
export const hurried = { patienceMs: 3000 }

/** One invocation of the CLI. */
export class Session {
  readonly isJson: boolean
  readonly store: StoreSettings
  readonly config: Config
  /** The words of the command line besides its options. */
  readonly args: readonly unknown[]
  readonly options: Given
  /** How far the store's clock is ahead of this host's. */
  #aheadMs = 0

  static async begin(command: Command): Promise<Session> {
    return new Session(command, await readConfig(workingFolder()))
  }

  private constructor(command: Command, config: Config) {
    const globals = command.optsWithGlobals<{ json?: boolean; store?: string; schema?: string }>()
    this.isJson = globals.json === true
    this.config = config
    this.store = storeSettings(globals, process.env, config)
    this.args = command.processedArgs
    this.options = command.opts()
  }

  /** Does something with the store, and closes it. By default one that does not exist is not made, and none is long waited for. */
  async withClient<T>(
    work: (client: Client) => Promise<T>,
    { create = false, isPatient = false }: Opening = {},
  ): Promise<T> {
    const { url, options } = this.store
    const patience = isPatient ? {} : hurried
    await using client = await connect(url, { ...options, ...patience, create, ...this.#who() })
    const result = await work(client)
    this.#aheadMs = client.now() - Date.now()
    return result
  }

  /** The requester, unless the command line names one: this user, where that is enough. */
  #who(): ClientOptions {
    const origin = `cli on ${hostname()} pid ${process.pid}`
    if (this.config.requireBy === true) return { origin, requireBy: true }
    const by = userName()
    return by === null ? { origin } : { origin, by }
  }

  /** The store's time, as the last look at it had it. */
  now(): number {
    return Date.now() + this.#aheadMs
  }

  /** Answers with a document, or with the lines that say the same to people. */
  answer(document: unknown, lines: () => readonly string[]): void {
    if (this.isJson) writeJson(document)
    else for (const line of lines()) writeLine(line)
  }
}

/** @throws {CheckreinError} `USAGE` where it was removed. */
function workingFolder(): string {
  try {
    return process.cwd()
  } catch (cause) {
    throw new CheckreinError('USAGE', {
      message: 'The working directory does not exist any more',
      hint: 'Change into one that does: the configuration file and relative paths are looked for in it.',
      cause,
    })
  }
}

/** In a container the user may have no name. */
function userName(): string | null {
  try {
    return userInfo().username
  } catch {
    return process.env['USER'] ?? null
  }
}

/** Carries out a command. @returns its exit code; 0 where it gives none. */
export type Action = (session: Session) => Promise<number | void>

/** Somebody was asked whether to go on, and said no. That is no error. */
export class Declined extends Error {}

const declinedCode = 1

/** Sets the action of a command: its exit code becomes that of the process. */
export function act(command: Command, action: Action): Command {
  return command.action(async () => {
    try {
      process.exitCode = (await action(await Session.begin(command))) ?? 0
    } catch (error) {
      if (!(error instanceof Declined)) throw error
      writeNote('nothing was done')
      process.exitCode = declinedCode
    }
  })
}

/** The command of an operation: its words, its options, its help and its example come from the table. */
export function commandFor(program: Command, name: OperationName): Command {
  const operation: Operation = operations[name]
  const subject: Subject = subjects[operation.subject]
  const word = operation.command.split(' ').at(-1) ?? ''
  const command = program.command(word).description(operation.summary)
  for (const { name, about, takes } of subject.words)
    command.argument(wordForms[takes](name), about)
  addParameters(command, operation.options)
  addParameters(command, subject.parts, subject.heading)
  if (subject.all !== undefined)
    command.addOption(new Option('--all', subject.all).helpGroup(subject.heading ?? ''))
  return withExample(command, operation.example)
}

/** How many words a command takes, as its usage shows it. */
const wordForms: Readonly<Record<Word['takes'], (name: string) => string>> = {
  one: (name) => `<${name}>`,
  maybe: (name) => `[${name}]`,
  any: (name) => `[${name}...]`,
  some: (name) => `<${name}...>`,
}

/** Adds command lines as examples to the help of a command. */
export function withExample(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText('after', `\nExample:\n  ${examples.join('\n  ')}`)
}
