/** Keeps the worker's own code out of the async context of the inline handlers that call it: its errors are not theirs. */
import type { AttemptListener } from '../executor.ts'
import { ownedBy } from '../os/uncaught.ts'

/** The same listener, whose code belongs to no handler. */
export class OurListener implements AttemptListener {
  readonly #listener: AttemptListener

  constructor(listener: AttemptListener) {
    this.#listener = listener
  }

  onBegun(): void {
    ownedBy(null, () => this.#listener.onBegun())
  }

  onDelivered(...told: Parameters<AttemptListener['onDelivered']>): void {
    ownedBy(null, () => this.#listener.onDelivered(...told))
  }

  onProgress(...told: Parameters<AttemptListener['onProgress']>): void {
    ownedBy(null, () => this.#listener.onProgress(...told))
  }

  onCheckpoint(...told: Parameters<AttemptListener['onCheckpoint']>): void {
    ownedBy(null, () => this.#listener.onCheckpoint(...told))
  }

  onTaken(...told: Parameters<AttemptListener['onTaken']>): void {
    ownedBy(null, () => this.#listener.onTaken(...told))
  }

  onQuestion(...told: Parameters<AttemptListener['onQuestion']>): void {
    ownedBy(null, () => this.#listener.onQuestion(...told))
  }

  onExtend(...told: Parameters<AttemptListener['onExtend']>): void {
    ownedBy(null, () => this.#listener.onExtend(...told))
  }

  onLog(...told: Parameters<AttemptListener['onLog']>): void {
    ownedBy(null, () => this.#listener.onLog(...told))
  }
}
