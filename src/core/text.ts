import { CheckreinError } from './errors.ts'

/**
 * Text that every store keeps as it is: whole characters, and no U+0000. Half of a pair of surrogates, as a cut through
 * an emoji leaves it, would become the same replacement character as every other half.
 * @throws {CheckreinError} `USAGE`.
 */
export function wholeText(value: string, what: string): string {
  if (value.isWellFormed() && !value.includes('\0')) return value
  throw new CheckreinError('USAGE', {
    message: `${what} has a character that cannot be stored`,
    hint: 'Take U+0000 out, and cut text between characters, not within one: halves of surrogate pairs are no text.',
  })
}
