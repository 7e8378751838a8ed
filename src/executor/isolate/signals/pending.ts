import type { Delivery } from './delivery.ts'

interface Positioned {
  readonly position: number
}

/** A queue by position: the first goes out, and a newcomer is nearly always the last. */
export class PositionQueue<T extends Positioned> {
  #list: T[] = []
  #head = 0

  get first(): T | undefined {
    return this.#list[this.#head]
  }

  shift(): T | undefined {
    const { first } = this
    if (first === undefined) return undefined
    this.#head++
    // The memory of the entries that are gone is given back when they are half of the list: so each entry is moved once at most.
    if (this.#head * 2 > this.#list.length) {
      this.#list = this.#list.slice(this.#head)
      this.#head = 0
    }
    return first
  }

  insert(one: T): void {
    let [low, high] = [this.#head, this.#list.length]
    const last = this.#list[high - 1]
    if (last === undefined || last.position < one.position) return void this.#list.push(one)
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#list[middle] as T).position < one.position) low = middle + 1
      else high = middle
    }
    this.#list.splice(low, 0, one)
  }
}

/** The deliveries that no consumer has taken: each is found by its position, and the first of a name without a search. */
export class PendingDeliveries {
  /** Positions that an earlier attempt took, and that only the same wait may take again. */
  readonly #reserved: Set<number>
  readonly #byPosition = new Map<number, Delivery>()
  /** The deliveries that are not reserved, by name; one that was taken by its position since is passed over. */
  readonly #byName = new Map<string, PositionQueue<Delivery>>()

  constructor(reserved: Iterable<number>) {
    this.#reserved = new Set(reserved)
  }

  add(delivery: Delivery): void {
    this.#byPosition.set(delivery.position, delivery)
    if (!this.isReserved(delivery)) this.#queue(delivery)
  }

  /** The delivery at that position, or the first of that name that is not reserved. */
  find(wanted: string | number): Delivery | null {
    if (typeof wanted === 'number') return this.#byPosition.get(wanted) ?? null
    const queue = this.#byName.get(wanted)
    if (queue === undefined) return null
    for (let { first } = queue; first !== undefined; { first } = queue) {
      if (this.#byPosition.has(first.position)) return first
      queue.shift()
    }
    return null
  }

  remove({ position }: Delivery): void {
    this.#byPosition.delete(position)
  }

  isReserved({ position }: Delivery): boolean {
    return this.#reserved.has(position)
  }

  /** Frees the reserved deliveries. @returns them, in their order. */
  release(): readonly Delivery[] {
    const freed = [...this.#reserved]
      .map((position) => this.#byPosition.get(position))
      .filter((delivery) => delivery !== undefined)
      .toSorted((a, b) => a.position - b.position)
    this.#reserved.clear()
    for (const delivery of freed) this.#queue(delivery)
    return freed
  }

  #queue(delivery: Delivery): void {
    const { name } = delivery
    const queue = this.#byName.get(name) ?? new PositionQueue<Delivery>()
    this.#byName.set(name, queue)
    queue.insert(delivery)
  }
}
