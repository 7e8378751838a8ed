/** The largest sizes of the reports of an attempt. The isolate keeps to them, and the worker checks that. */

/** How many waits since a checkpoint are kept at most, and how many signals may be open when an attempt parks. */
export const mostKept = 10_000

/** The longest options of a child, in characters of JSON. */
export const longestOptions = 65_536
/** The longest progress, in bytes of JSON. */
export const longestProgress = 4096
/** The longest message of a log line, in characters; the same bound holds for its data, in bytes of JSON. */
export const longestLog = 16_384
/** The length to which each text of an error is cut that is too long as it is, in characters. */
export const longestText = 16_384
/** The longest error, in characters of JSON, where each character of its texts may take six. */
export const longestError = 4 * 6 * longestText + 1024
