/**
 * Milliseconds on the clock of the machine that only moves forward (`CLOCK_MONOTONIC`). All processes and threads of
 * one machine read the same value, so a worker can tell its children until when something holds.
 */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}
