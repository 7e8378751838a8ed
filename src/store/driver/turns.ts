/** Turns at a thing: pieces of work on the same thing are done one after the other, in the order in which they came. */
export class Turns {
  readonly #last = new WeakMap<object, Promise<unknown>>()

  take<T>(thing: object, work: () => Promise<T>): Promise<T> {
    const turn = (this.#last.get(thing) ?? Promise.resolve()).then(work)
    this.#last.set(
      thing,
      turn.catch(() => undefined),
    )
    return turn
  }
}
