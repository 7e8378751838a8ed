/** Nobody may wait for it: its rejection is not an error that nobody handled. */
export function quiet<T>(call: () => Promise<T>): Promise<T> {
  const promise = call()
  promise.catch(() => {})
  return promise
}
