/**
 * The clocks of an isolate, taken before any handler is loaded. A handler may stop the time for tests of its own (fake timers
 * replace `Date.now` and `performance.now`); that must not stop ours.
 */

/** Milliseconds on a clock that only moves forward; its zero means nothing outside of this thread. */
export const clockMs: () => number = performance.now.bind(performance)

/** The time of day, epoch ms. */
export const epochMs: () => number = Date.now
