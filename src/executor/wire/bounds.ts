/** How large what an attempt reports may be. Who makes it keeps to that, and who hears of it checks it. */

/** More waits than that since a checkpoint are not kept, nor are more signals open when one parks. */
export const mostKept = 10_000

/** In characters of JSON: the options with which a child is enqueued. */
export const longestOptions = 65_536
/** In bytes of JSON. */
export const longestProgress = 4096
/** The message, in characters; the data, in bytes of JSON. */
export const longestLog = 16_384
/** Each text of an error that is too long as it is. */
export const longestText = 16_384
/** An error in characters of JSON, where each of its texts may take six for one. */
export const longestError = 4 * 6 * longestText + 1024
