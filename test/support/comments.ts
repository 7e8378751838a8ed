/** Reads the comments and the texts of a source file, and finds those that break the house's rules of prose. */

/** The words that hide the subject of a sentence: no sentence begins with one of them, unless it asks a question. */
const hidingWords = 'What|Whatever|Who|Whoever|One that|Those'
const hiding = new RegExp(`^(?:${hidingWords})\\b(?!.*\\?$)`)

/** An exported declaration at the beginning of a line, with its name. */
const exported =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:const|function\*?|class|interface|type|enum|let) (\w+)/

/**
 * The names of the exported declarations that have no doc comment of their own. Overloads share the comment of the first one.
 * Re-exports (`export { … } from`) have none: they are documented where they are declared.
 */
export function undocumentedIn(text: string): readonly string[] {
  const lines = text.split('\n')
  const missing: string[] = []
  let before = ''
  for (const [index, line] of lines.entries()) {
    const name = exported.exec(line)?.[1]
    if (name === undefined) continue
    const isOverload = name === before
    before = name
    if (!isOverload && !hasDocAbove(lines, index)) missing.push(name)
  }
  return missing
}

function hasDocAbove(lines: readonly string[], index: number): boolean {
  let above = index - 1
  while (/^\s*\/\//.test(lines[above] ?? '')) above -= 1
  return /\*\/\s*$/.test(lines[above] ?? '')
}

/** The sentences of comments, and the texts in quotes, that begin with a word which hides their subject. */
export function hidingSentencesIn(text: string): readonly string[] {
  return [...commentsIn(text).flatMap(sentencesOf), ...textsIn(text)].filter((sentence) =>
    hiding.test(sentence),
  )
}

/** Comments that begin their line, each as one text: a block, or the lines with `//` that follow each other. */
function commentsIn(text: string): readonly string[] {
  const blocks = [...text.matchAll(/^[ \t]*\/\*\*?([\s\S]*?)\*\//gm)].map(([, inner = '']) => inner)
  const lines = [...text.matchAll(/(?:^[ \t]*\/\/.*\n?)+/gm)].map(([all]) => all)
  return [
    ...blocks.map((block) => block.replaceAll(/^[ \t]*\*/gm, '')),
    ...lines.map((block) => block.replaceAll(/^[ \t]*\/\//gm, '')),
  ]
}

/** Sentences end with a full stop, a colon never ends one; a tag, a list's dash and an empty line begin a new one. */
function sentencesOf(comment: string): readonly string[] {
  return comment
    .replaceAll(/`[^`\n]*`/g, 'code')
    .replaceAll(/^\s*-\s+/gm, '\n\n')
    .replaceAll(/@(?:throws(?: \{\w+\})?|returns|see|param \w+)/g, '\n\n')
    .split(/\n\s*\n|(?<=[.?!][)*"]*)\s+/)
    .map((sentence) => sentence.replaceAll(/\s+/g, ' ').replace(/^[*("\s]+/, ''))
}

/** Texts of three words and more in quotes: messages and hints. */
function textsIn(text: string): readonly string[] {
  const code = text.replaceAll(/^[ \t]*(?:\/\*[\s\S]*?\*\/|\/\/.*$)/gm, '')
  const quoted = [...code.matchAll(/'([^'\n]*)'|"([^"\n]*)"|`([^`\n]*)`/g)]
  const texts = quoted.map(([, single, double, template]) => single ?? double ?? template ?? '')
  return texts
    .filter((one) => one.split(' ').length > 2)
    .flatMap((one) => one.split(/(?<=[.?!])\s+/))
}
