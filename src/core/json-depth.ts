/** How deep JSON is nested: read from its text, without a value that might be too deep to walk. */

/**
 * The most levels of lists and objects within each other that a payload may have. SQLite reads 1,000 and PostgreSQL some thousands; a workflow
 * puts a few more around what its members return.
 */
export const deepestPayload = 500

const quote = 0x22
const backslash = 0x5c

/** Whether the JSON has more levels than this. Text that is too short for them is not read. */
export function isDeeper(text: string, most = deepestPayload): boolean {
  if (text.length <= 2 * most) return false
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char === quote) at = endOfText(text, at)
    else if (char === 0x5b || char === 0x7b) {
      if (++depth > most) return true
    } else if (char === 0x5d || char === 0x7d) depth--
  }
  return false
}

/** The place of the quote that ends the text which begins here. */
function endOfText(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = 0
    while (text.charCodeAt(at - 1 - slashes) === backslash) slashes++
    if (slashes % 2 === 0) return at
  }
  return text.length
}
