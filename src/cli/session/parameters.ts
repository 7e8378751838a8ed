/** Command-line options, made from the parameters of operations and read back as what the client takes. */
import { type Command, Option } from 'commander'
import type { Parameter, Parameters, ValueKind } from '../../client/options/parameter.ts'
import { valueOf } from './text-file.ts'
import { CheckreinError } from '../../core/errors.ts'
import { isInstant, parseInstant } from '../../core/instant.ts'

/** The values that were given on the command line, by the names of the parameters. */
export type Given = Readonly<Record<string, unknown>>

const placeholders: Readonly<Record<ValueKind, string>> = {
  text: '<text>',
  texts: '<text>',
  'whole-number': '<n>',
  duration: '<duration>',
  instant: '<time>',
  moment: '<time or duration>',
  pairs: '<path=value>',
  flag: '',
}

/** Adds an option for each parameter. @param heading under which the help lists them; default: none. */
export function addParameters(command: Command, parameters: Parameters, heading?: string): Command {
  for (const [name, parameter] of Object.entries(parameters)) {
    const option = optionOf(name, parameter)
    if (heading !== undefined) option.helpGroup(heading)
    command.addOption(option)
  }
  return command
}

const kebab = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)

function optionOf(name: string, parameter: Parameter): Option {
  const flag = parameter.singular ?? name
  const usage = `--${kebab(flag)} ${placeholders[parameter.kind]}`.trimEnd()
  const option = new Option(usage, aboutOf(parameter))
  if (parameter.kind === 'flag') return option
  return option.argParser((given: string, before: unknown) =>
    valueGiven(flag, parameter, { given, before }),
  )
}

/** The help lists no more choices than this; where there are more, its text gives an example. */
const mostListed = 12

function aboutOf({ about, choices, kind }: Parameter): string {
  const values = choices && choices.length <= mostListed ? ` (${choices.join(', ')})` : ''
  return `${about}${values}${kind === 'texts' || kind === 'pairs' ? '; may be repeated' : ''}`
}

interface GivenTwice {
  readonly given: string
  /** The value that the same option was given before. */
  readonly before: unknown
}

function valueGiven(
  name: string,
  { kind, choices }: Parameter,
  { given, before }: GivenTwice,
): unknown {
  if (choices && !choices.includes(given))
    throw badOption(name, given, `Use one of: ${choices.join(', ')}.`)
  if (before !== undefined && kind !== 'texts' && kind !== 'pairs') throw twice(`--${kebab(name)}`)
  switch (kind) {
    case 'text':
      return given
    case 'texts':
      return [...((before as string[] | undefined) ?? []), given]
    case 'whole-number':
      return wholeNumber(name, given)
    case 'duration':
      return /^\d+$/.test(given) ? Number(given) : given
    case 'instant':
      return instant(name, given)
    case 'moment':
      return /^\d+(\.\d+)?[a-z]+$/.test(given) ? given : instant(name, given)
    case 'flag':
      return true
    case 'pairs':
      return { ...(before as object | undefined), ...pair(name, given, before) }
  }
}

function wholeNumber(name: string, given: string): number {
  if (/^-?\d+$/.test(given)) return Number(given)
  throw badOption(name, given, 'Give a whole number.')
}

function instant(name: string, given: string): Date {
  const isEpoch = /^\d+$/.test(given)
  const isIso = /^\d{4}-\d\d/.test(given)
  const at = isEpoch ? Number(given) : isIso ? parseInstant(given) : null
  if (at !== null && isInstant(at)) return new Date(at)
  throw badOption(name, given, "Give a time as '2026-07-28T14:00:00Z', or epoch milliseconds.")
}

/** `user.id=9`: what is a number, true or false as JSON is taken as that; quote it for text: `id="9"`. */
function pair(name: string, given: string, before: unknown): Record<string, unknown> {
  const at = given.indexOf('=')
  if (at < 1) throw badOption(name, given, "Give a path and a value: 'user.id=9'.")
  const path = given.slice(0, at)
  if (Object.hasOwn(before ?? {}, path)) throw twice(`--${kebab(name)} ${path}`)
  return { [path]: scalar(given.slice(at + 1), path) }
}

function scalar(text: string, path: string): string | number | boolean {
  if (!isJson(text)) return text
  const value = valueOf(text, `value of ${path}`)
  const isScalar =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
  return isScalar ? value : text
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Of two values one would be forgotten, and with it perhaps what keeps a verb from other runs. */
const twice = (what: string): CheckreinError =>
  new CheckreinError('USAGE', {
    message: `${what} is given twice`,
    hint: 'Give it once. `--help` says which options may be repeated.',
  })

const badOption = (name: string, given: string, hint: string): CheckreinError =>
  new CheckreinError('USAGE', {
    message: `--${kebab(name)}: ${JSON.stringify(given)} is not valid`,
    hint,
  })

/** Picks the parameters that were given, under their own names. */
export function given(parameters: Parameters, options: Given): Given {
  const pairs = Object.entries(parameters).map(
    ([name, { singular }]) => [name, options[singular ?? name]] as const,
  )
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined))
}
