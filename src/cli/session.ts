/** What every command has in common: which store, how it answers, and the shape in which it is made. */
import { userInfo } from 'node:os'
import type { Command } from 'commander'
import type { Client } from '../client/client.ts'
import { connect } from '../client/connect.ts'
import {
  filterParameters,
  type Operation,
  type OperationName,
  operations,
} from '../client/operations.ts'
import { addParameters, type Given } from './parameters.ts'
import { writeJson, writeLine } from './output.ts'

/** One invocation of the CLI. */
export class Session {
  readonly isJson: boolean
  readonly storeUrl: string
  /** The words of the command line besides its options. */
  readonly args: readonly unknown[]
  readonly options: Given

  constructor(command: Command) {
    const { json, store } = command.optsWithGlobals<{ json?: boolean; store?: string }>()
    this.isJson = json === true
    this.storeUrl = store ?? storeOf(process.env)
    this.args = command.processedArgs
    this.options = command.opts()
  }

  /**
   * Does something with the store, and closes it.
   * @param create whether the store is made where it does not exist; default false.
   */
  async withClient<T>(work: (client: Client) => Promise<T>, create = false): Promise<T> {
    const by = userName()
    await using client = await connect(this.storeUrl, { create, ...(by === null ? {} : { by }) })
    return await work(client)
  }

  /** Answers with a document, or with the lines that say the same to people. */
  answer(document: unknown, lines: () => readonly string[]): void {
    if (this.isJson) writeJson(document)
    else for (const line of lines()) writeLine(line)
  }
}

/** `CHECKREIN_STORE`, a `DATABASE_URL` that names a store of ours, or a file in the working directory. */
function storeOf({ CHECKREIN_STORE: store, DATABASE_URL: url }: NodeJS.ProcessEnv): string {
  if (store) return store
  return url && /^(sqlite|file):/.test(url) ? url : 'sqlite:checkrein.db'
}

/** In a container the user may have no name. */
function userName(): string | null {
  try {
    return userInfo().username
  } catch {
    return process.env['USER'] ?? null
  }
}

/** Does what a command is for; its exit code, 0 where it gives none. */
export type Action = (session: Session) => Promise<number | void>

export function act(command: Command, action: Action): Command {
  return command.action(async () => {
    process.exitCode = (await action(new Session(command))) ?? 0
  })
}

/** The command of an operation: its options, its help and its example come from the table. */
export function commandFor(program: Command, name: OperationName): Command {
  const operation: Operation = operations[name]
  const command = program.command(operation.command).description(operation.summary)
  addParameters(command, operation.options)
  if (operation.subject === 'filter' || operation.subject === 'runs') {
    addParameters(command, filterParameters, 'Which runs:')
  }
  return withExample(command, operation.example)
}

export function withExample(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText('after', `\nExample:\n  ${examples.join('\n  ')}`)
}
