/** Makes a call whose promise nobody may await: its rejection then is no unhandled error. */
export function quiet<T>(call: () => Promise<T>): Promise<T> {
  const promise = call()
  promise.catch(() => {})
  return promise
}
