/**
 * Where time comes from, so that tests can hold it.
 *
 * Two readings, because they answer two questions. `now` is the time of day: when something is due, when it
 * happened. `leaseNow` only ever moves forward at one second a second, also while an administrator sets the
 * machine's clock: a lease that is measured with it can neither lapse early nor late.
 */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Milliseconds on the clock that every process which shares the store agrees on. */
  leaseNow(): number
}
