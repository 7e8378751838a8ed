/**
 * `pause`, `freeze` and `resume`: of runs that there are, or of a whole task or queue with all runs that come.
 *
 * `--task`, `--queue` and `--all`, alone, mean the whole; ids and any other option mean runs. For those `pause` and
 * `freeze` wait until they have parked.
 */
import { type Command, Option } from 'commander'
import type { Client } from '../../client/client.ts'
import { atOnce, parkWaitMs } from '../../client/requests/controls.ts'
import { operations } from '../../client/operations/operations.ts'
import { type ControlTarget, type Scope, scopeFilter } from '../../client/options/targets.ts'
import { errorCodes, isCheckreinError } from '../../core/errors.ts'
import type { State } from '../../core/run/transitions.ts'
import type { Controlled, Hold } from '../../store/store.ts'
import { answerWords, type CameTo, styledAnswer, tooLateCode, worstCode } from '../text/answers.ts'
import { holdWords, scopeWords } from '../text/hold-words.ts'
import { plain } from '../text/output.ts'
import { pauserWords } from '../text/words.ts'
import { addParameters, given } from '../session/parameters.ts'
import { act, commandFor, type Session } from '../session/session.ts'
import { previewOfStanding } from '../session/standing.ts'
import {
  addConsent,
  agree,
  agreeTo,
  filterIn,
  isPreviewed,
  scopeOf,
  targetOf,
  usage,
} from '../session/targets.ts'
import type { PauseOptions, ScopeOptions } from '../../client/options/options.ts'

const waiting = {
  timeout: {
    kind: 'duration',
    about: 'how long to wait until they have parked; default: --within and 30s',
  },
} as const

type Verb = 'pause' | 'freeze' | 'resume'

/** Adds `pause`, `freeze` and `resume`. */
export function pauseCommands(program: Command): void {
  for (const verb of ['pause', 'freeze', 'resume'] as const) {
    const command = addConsent(commandFor(program, verb))
    if (verb !== 'resume') {
      command.addOption(new Option('--no-wait', 'do not wait until they have parked'))
      addParameters(command, waiting)
    }
    act(command, (session) => control(session, verb))
  }
}

async function control(session: Session, verb: Verb): Promise<number> {
  const [ids] = session.args as [string[]]
  const options = given(operations[verb].options, session.options) as ScopeOptions
  const scope = scopeOf(session, ids)
  if (scope !== null) return ofScope(session, verb, { scope, options })
  if (await isPreviewed(session, verb === 'freeze' ? 'pause' : verb)) return 0
  if (options.inFlight !== undefined)
    throw usage('--in-flight is for a whole task or queue', 'Runs that are named park.')
  return ofRuns(session, verb, { ids, options })
}

async function ofScope(
  session: Session,
  verb: Verb,
  { scope, options }: { scope: Scope; options: ScopeOptions },
): Promise<number> {
  const standing = { verb, filter: scopeFilter(scope), inFlight: options.inFlight }
  if (session.options['preview'] === true) {
    const find = (client: Client) => previewOfStanding(client, standing)
    const { words, ...preview } = await session.withClient(find)
    session.answer(preview, () => [words])
    return 0
  }
  const hold = await session.withClient(async (client) => {
    if (options.inFlight === 'cancel')
      await agreeTo(session, async () => (await previewOfStanding(client, standing)).words)
    return askWhole(client, verb, { scope, options })
  })
  session.answer(hold, () => {
    if (hold === null) return [`${scopeWords(scope)} was not held`]
    return verb === 'resume' ? [`${scopeWords(scope)} goes on`] : [holdWords(hold)]
  })
  return hold === null ? errorCodes.RUN_NOT_FOUND.exit : 0
}

async function ofRuns(
  session: Session,
  verb: Verb,
  { ids, options }: { ids: readonly string[]; options: ScopeOptions },
): Promise<number> {
  const target = targetOf(session, ids)
  const filter = filterIn(target)
  const isWaiting = verb !== 'resume' && session.options['wait'] !== false
  const patience = patienceMs(session, verb === 'freeze' ? atOnce : options)
  return session.withClient(
    async (client) => {
      const asked = verb === 'freeze' ? 'pause' : verb
      if (filter !== null) await agree(session, client, { verb: asked, filter })
      const controlled = await askRuns(client, verb, { target, options })
      const endsAt = performance.now() + patience
      const outcomes = await Promise.all(
        controlled.map((one) =>
          isWaiting && one.answer === 'requested'
            ? parked(client, one, endsAt)
            : Promise.resolve(one),
        ),
      )
      session.answer(outcomes, () =>
        outcomes.length === 0 ? ['no runs'] : outcomes.map(outcomeLine),
      )
      return exitCode(outcomes)
    },
    { isPatient: true },
  )
}

async function askRuns(
  client: Client,
  verb: Verb,
  { target, options }: { target: ControlTarget; options: ScopeOptions },
): Promise<readonly Controlled[]> {
  if (verb === 'pause') return client.pause(target, options)
  return verb === 'freeze' ? client.freeze(target, options) : client.resume(target, options)
}

async function askWhole(
  client: Client,
  verb: Verb,
  { scope, options }: { scope: Scope; options: ScopeOptions },
): Promise<Hold | null> {
  if (verb === 'pause') return client.pause(scope, options)
  return verb === 'freeze' ? client.freeze(scope, options) : client.resume(scope, options)
}

function patienceMs(session: Session, options: ScopeOptions): number {
  return parkWaitMs({ ...options, ...(given(waiting, session.options) as PauseOptions) })
}

interface Outcome {
  readonly id: string | null
  readonly answer: CameTo
  readonly state: State | null
  readonly heldBy?: Controlled['heldBy']
}

async function parked(client: Client, one: Controlled, endsAt: number): Promise<Outcome> {
  try {
    const timeout = Math.max(0, Math.round(endsAt - performance.now()))
    return await client.run(one.id ?? '').parked({ timeout })
  } catch (error) {
    if (isCheckreinError(error) && error.code === 'PAUSE_PENDING')
      return { ...one, answer: 'pending' }
    throw error
  }
}

function outcomeLine({ id, answer, state, heldBy }: Outcome): string {
  const name = id === null ? '(no run holds the key)' : plain(id)
  const what = answerWords[answer] ?? (state === 'running' && answer === 'paused' ? 'frozen' : '')
  const ending = heldBy ? pauserWords(heldBy) : answer === 'too-late' ? `: ${state}` : ''
  return `${name}  ${styledAnswer(answer)}  ${what}${ending}`.trimEnd()
}

/** A run that was stopped cannot be paused any more either. */
function exitCode(outcomes: readonly Outcome[]): number {
  const answers = outcomes.map(({ answer }) => answer)
  const worst = worstCode(answers, 'PAUSE_PENDING')
  return worst === 0 && answers.includes('already-cancelled') ? tooLateCode : worst
}
