/**
 * `JSON` as it was before any module of users was loaded. A handler, or a library that it imports, may put its own functions there; the lines between a
 * worker and its isolates, and what is stored, must not become whatever those make of them.
 */
export const { parse: parseJson, stringify: stringifyJson } = JSON
