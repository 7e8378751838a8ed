/** The end of a verb on a filter before it is through, as a request. */
import { type Caller, callerOf } from '../../core/run/call-ids.ts'
import { CheckreinError } from '../../core/errors.ts'
import type { RequestedBy } from '../../store/store.ts'
import { whoOptions } from '../options/parameters.ts'
import type { Requester, WhoOptions } from '../options/requester.ts'
import { checkedId } from '../options/targets.ts'
import { refuseUnknownOptions } from '../options/unknown-options.ts'

const hints: Readonly<Record<Exclude<Caller['kind'], 'call'>, string>> = {
  hold: 'Lift the hold: `lift`, or `checkrein hold --lift`.',
  workflow: 'It carries out a verb on a workflow, which would be left half done.',
  parent: 'It carries out the stop of a run on its children, which would be left half done.',
}

/** @throws {CheckreinError} `USAGE` for a verb that a hold, a workflow or a run has begun; `BY_REQUIRED`. */
export function abortRequest(
  callId: string,
  options: WhoOptions,
  requester: Requester,
): { readonly id: string; readonly who: RequestedBy } {
  refuseUnknownOptions('abortBulk', options, whoOptions)
  const id = checkedId(callId)
  const who = requester.who(options)
  const caller = callerOf(id)
  if (caller.kind === 'call') return { id, who }
  throw new CheckreinError('USAGE', {
    message: `The verb ${id} was not asked by a call, and cannot be aborted by itself`,
    hint: hints[caller.kind],
    details: { callId: id, kind: caller.kind, id: caller.id },
  })
}
