/** The preview of a hold, or of a pause of a whole task or queue; nothing is done. */
import type { Client } from '../../client/client.ts'
import type { Preview } from '../../client/views/preview.ts'
import { type HoldFilter, isOfLanes } from '../../core/hold.ts'
import { idleStates, type StopVerb } from '../../core/run/transitions.ts'
import type { InFlight } from '../../store/store.ts'
import { filterWords } from '../text/hold-words.ts'
import { each, previewWords, runCount } from './targets.ts'
import { usualInFlight } from '../../client/requests/holds.ts'

/** A verb that would stand, and for which runs. */
export interface Standing {
  readonly verb: 'pause' | 'freeze' | 'resume' | StopVerb
  readonly filter: HoldFilter
  /** Default: as where nobody says. */
  readonly inFlight?: InFlight | undefined
}

/** How many runs a hold would find, and the fate of the running ones. */
export interface StandingPreview extends Pick<Preview, 'filter' | 'totalCount' | 'counts'> {
  readonly verb: Standing['verb']
  /** Null for what is resumed. */
  readonly inFlight: InFlight | 'freeze' | null
  readonly words: string
}

/** Counts the runs that a hold would find, and tells their fate; nothing is done. */
export async function previewOfStanding(
  client: Client,
  standing: Standing,
): Promise<StandingPreview> {
  const { verb, filter } = standing
  if (verb === 'resume') return ofResume(client, filter)
  const stands = verb === 'freeze' ? 'pause' : verb
  const isOfWhole = isOfLanes({ verb: stands, filter })
  const inFlight =
    verb === 'freeze' ? verb : (standing.inFlight ?? usualInFlight({ verb: stands, filter }))
  const { totalCount, counts } = await client.preview(stands, filter)
  const { running = 0, ...idle } = counts
  const found = { verb, filter, totalCount, counts, inFlight }
  if (isOfWhole) {
    const kept = Object.keys(idle).length === 0 ? '' : `: ${each(idle)}`
    const words = `This would ${verb} ${filterWords(filter)}, with all runs that come${kept}`
    return { ...found, words: `${words}${runningWords(running, inFlight)}` }
  }
  if (inFlight === 'park')
    return { ...found, words: previewWords(await client.preview(stands, filter)) }
  const others = await client.preview(stands, { ...filter, state: idleStates })
  return { ...found, words: `${previewWords(others)}${runningWords(running, inFlight)}` }
}

async function ofResume(client: Client, filter: HoldFilter): Promise<StandingPreview> {
  const { totalCount, counts } = await client.preview('resume', filter)
  const words = `This would end the hold of ${filterWords(filter)}; runs that were paused themselves stay so`
  return { verb: 'resume', filter, totalCount, counts, inFlight: null, words }
}

const ends: Readonly<Record<InFlight | 'freeze', string>> = {
  finish: 'finish',
  park: 'park at their next checkpoints',
  cancel: 'be cancelled',
  freeze: 'be frozen where they stand',
}

function runningWords(count: number, inFlight: InFlight | 'freeze'): string {
  const which = `${runCount(count)} that ${count === 1 ? 'runs' : 'run'}`
  return count === 0 && inFlight !== 'cancel' ? '' : `; ${which} would ${ends[inFlight]}`
}
