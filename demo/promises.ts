import { paint } from './format.ts'

export interface Kept {
  readonly text: string
  readonly isKept: boolean
}

/** The promises of the demo, and whether each was kept. */
export class Promises {
  readonly #all: Kept[] = []

  check(text: string, isKept: boolean): void {
    this.#all.push({ text, isKept })
  }

  get brokenCount(): number {
    return this.#all.filter(({ isKept }) => !isKept).length
  }

  lines(): readonly string[] {
    return this.#all.map(({ text, isKept }) => {
      const verdict = isKept ? paint('green', 'ok    ') : paint(['red', 'bold'], 'BROKEN')
      return `  ${verdict}  ${text}`
    })
  }

  summary(): string {
    const { brokenCount } = this
    const all = this.#all.length
    if (brokenCount === 0) return paint('green', `All ${all} promises kept`)
    return paint('red', `${brokenCount} of ${all} promises BROKEN`)
  }
}
