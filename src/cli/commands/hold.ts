/** `hold`: makes a verb stand, lifts one that does, or lists them. */
import { type Command, Option } from 'commander'
import type { WhoOptions } from '../../client/options/requester.ts'
import type { Client } from '../../client/client.ts'
import { operations } from '../../client/operations/operations.ts'
import { holdFilterParameters } from '../../client/options/parameters.ts'
import { errorCodes } from '../../core/errors.ts'
import type { HoldFilter } from '../../core/hold.ts'
import { stopVerbs } from '../../core/run/transitions.ts'
import type { Hold } from '../../store/store.ts'
import { filterWords, holdWords, leftWords, liftedWords } from '../text/hold-words.ts'
import { plain, table } from '../text/output.ts'
import { given } from '../session/parameters.ts'
import { act, commandFor, type Session, withExample } from '../session/session.ts'
import { previewOfStanding } from '../session/standing.ts'
import { agreeTo, usage } from '../session/targets.ts'
import type { HoldOptions, HoldTarget } from '../../client/options/options.ts'

const verbs = ['pause', ...stopVerbs] as const
type HoldVerb = (typeof verbs)[number]

/** Adds `hold`. */
export function holdCommand(program: Command): void {
  const { summary, example } = operations.lift
  const command = commandFor(program, 'hold')
    .addOption(new Option('--lift [id]', `${summary}: by its id, or as it was made`))
    .addOption(
      new Option('--yes', 'do not ask before a verb that ends runs stands, or runs are cancelled'),
    )
  act(withExample(command, example, operations.holds.example), hold)
}

async function hold(session: Session): Promise<number> {
  const { lift } = session.options as { lift?: string | true }
  if (typeof lift === 'string') return liftOne(session, lift)
  const filter = given(holdFilterParameters, session.options) as HoldFilter
  const isNamed = Object.keys(filter).length > 0 || session.options['all'] === true
  const [verb] = session.args as [string?]
  if (verb === undefined && lift === undefined && !isNamed) return list(session)
  if (!isVerb(verb)) throw usage('No verb is named that can stand', `Verbs: ${verbs.join(', ')}.`)
  if (!isNamed) throw usage('No runs are named', 'Say which by options; --all means every run.')
  return lift === true ? liftOne(session, { verb, filter }) : make(session, verb, filter)
}

const isVerb = (word: string | undefined): word is HoldVerb =>
  (verbs as readonly (string | undefined)[]).includes(word)

async function make(session: Session, verb: HoldVerb, filter: HoldFilter): Promise<number> {
  const options = given(operations.hold.options, session.options) as Partial<HoldOptions>
  const made = await session.withClient(async (client: Client) => {
    const standing = { verb, filter, inFlight: options.inFlight }
    if (verb !== 'pause' || options.inFlight === 'cancel')
      await agreeTo(session, async () => (await previewOfStanding(client, standing)).words)
    return client.hold({ ...options, verb, filter })
  })
  session.answer(made, () => [holdWords(made)])
  return 0
}

async function liftOne(session: Session, target: HoldTarget): Promise<number> {
  const options = given(operations.lift.options, session.options) as WhoOptions
  const lifted = await session.withClient((client) => client.lift(target, options))
  session.answer(lifted, () => [
    lifted === null ? 'there was no such hold' : `lifted: ${liftedWords(lifted)}`,
  ])
  return lifted === null ? errorCodes.RUN_NOT_FOUND.exit : 0
}

async function list(session: Session): Promise<number> {
  const holds = await session.withClient((client) => client.holds())
  session.answer(holds, () => {
    if (holds.length === 0) return ['no holds']
    return table(
      ['ID', 'VERB', 'RUNS', 'STANDS', 'BY', 'REASON'],
      holds.map((one) => row(one, session.now())),
    )
  })
  return 0
}

function row({ id, verb, filter, until, by, reason }: Hold, now: number): string[] {
  return [
    plain(id),
    verb,
    filterWords(filter),
    leftWords(until, now),
    plain(by ?? ''),
    plain(reason ?? ''),
  ]
}
