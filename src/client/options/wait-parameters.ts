/** The parameters of the operations that wait for an outcome, read like those of `parameters.ts`. */
import type { RunWaitOptions, SignalWaitOptions } from './options.ts'
import type { Parameters } from './parameter.ts'

/** The outcomes that a run, or a workflow, is waited for. */
export const runWaits = ['ended', 'stopped', 'paused'] as const
/** The outcomes that a signal is waited for. */
export const signalWaits = ['replied', 'delivered'] as const

const timeout = {
  kind: 'duration',
  about: 'how long to wait before the answer is the present state; default 30s',
} as const

/** How a run, or a workflow, is waited for. */
export const runWaitOptions = {
  until: { kind: 'text', about: 'what to wait for; default: ended', choices: runWaits },
  timeout,
} as const satisfies Parameters<Exclude<keyof RunWaitOptions, 'abortSignal'>>

/** How a signal is waited for. */
export const signalWaitOptions = {
  callId: {
    kind: 'text',
    about: 'of the signal: the id of the call that has sent it',
    isRequired: true,
  },
  until: { kind: 'text', about: 'what to wait for; default: replied', choices: signalWaits },
  timeout,
} as const satisfies Parameters<Exclude<keyof SignalWaitOptions, 'abortSignal'>>
