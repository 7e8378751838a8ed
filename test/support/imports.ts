/** Reads which file imports which, and checks that the arrows go one way. Types count as any import does. */
import { globSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'

/** A source file, as the checks of the architecture see it. */
export interface Source {
  /** Its path from the root, with `/`: `src/core/errors.ts`. */
  readonly file: string
  /** The folder under `src`; for the doors the file's own name. */
  readonly room: string
  readonly text: string
  /** The paths from the root, or the names of packages, that it imports; types included. */
  readonly imports: readonly string[]
}

const importPattern =
  /^(?:import|export)\s+(?:type\s+)?(?:(?:\*(?:\s+as\s+\w+)?|\{[^}]*\}|\w+)\s+from\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm

/** Makes a source of a file's path and text. */
export function sourceOf(file: string, text: string): Source {
  const found = [...text.matchAll(importPattern)].map(([, fixed, called]) => fixed ?? called ?? '')
  const imports = found.map((name) =>
    name.startsWith('.') ? posix.join(posix.dirname(file), name) : name,
  )
  return { file, room: file.split('/')[1] ?? '', text, imports }
}

/** All sources under `src`. @param root the folder that holds `src`. */
export function readSources(root: string): readonly Source[] {
  const files = globSync('src/**/*.ts', { cwd: root }).map((file) => file.replaceAll('\\', '/'))
  return files.map((file) => sourceOf(file, readFileSync(`${root}/${file}`, 'utf8')))
}

/** The floor of a file: its own line in the table, or that of the folder in which it lies. Undefined where neither has a line. */
export function floorOf(file: string, floors: readonly string[]): string | undefined {
  if (floors.includes(file)) return file
  const folder = posix.dirname(file)
  return floors.includes(folder) ? folder : undefined
}

/** A map from each file, or each floor, to all that it imports. */
type Arrows = ReadonlyMap<string, ReadonlySet<string>>

function arrowsOf(sources: readonly Source[], nodeOf: (file: string) => string): Arrows {
  const arrows = new Map<string, Set<string>>()
  for (const { file, imports } of sources) {
    const from = nodeOf(file)
    const to = arrows.get(from) ?? new Set()
    arrows.set(from, to)
    for (const name of imports.filter((name) => name.startsWith('src/')).map(nodeOf))
      if (name !== from) to.add(name)
  }
  return arrows
}

/** The circles of imports between files, each as the list of its members. */
export const fileCircles = (sources: readonly Source[]): readonly (readonly string[])[] =>
  circlesOf(arrowsOf(sources, (file) => file))

/** The circles of imports between the folders of the table, each as the list of its members. */
export const folderCircles = (
  sources: readonly Source[],
  floors: readonly string[],
): readonly (readonly string[])[] =>
  circlesOf(arrowsOf(sources, (file) => floorOf(file, floors) ?? posix.dirname(file)))

/** Tarjan's strongly connected components, of which those with more than one member are circles. */
function circlesOf(arrows: Arrows): readonly (readonly string[])[] {
  const [order, lowest] = [new Map<string, number>(), new Map<string, number>()]
  const path: string[] = []
  const circles: string[][] = []
  const visit = (node: string): void => {
    order.set(node, order.size)
    lowest.set(node, order.get(node) ?? 0)
    path.push(node)
    for (const next of arrows.get(node) ?? []) {
      if (!order.has(next)) visit(next)
      else if (!path.includes(next)) continue
      lowest.set(node, Math.min(lowest.get(node) ?? 0, lowest.get(next) ?? 0))
    }
    if (lowest.get(node) !== order.get(node)) return
    const members = path.splice(path.indexOf(node))
    if (members.length > 1) circles.push(members.toSorted())
  }
  for (const node of arrows.keys()) if (!order.has(node)) visit(node)
  return circles
}

/**
 * The imports that do not go down the table of floors, and the files that have no floor; each as a sentence that says
 * what to do about it.
 */
export function floorFaults(
  sources: readonly Source[],
  floors: readonly string[],
): readonly string[] {
  const homeless = sources.filter(({ file }) => floorOf(file, floors) === undefined)
  const folders = new Set(homeless.map(({ file }) => posix.dirname(file)))
  const unknown = [...folders].map((folder) => adviceFor(folder, sources, floors))
  const upward = sources.flatMap(({ file, imports }) => {
    const own = floors.indexOf(floorOf(file, floors) ?? '')
    const wrong = imports.filter((name) => floors.indexOf(floorOf(name, floors) ?? '') > own)
    return own < 0
      ? []
      : wrong.map(
          (name) =>
            `${file} imports ${name}, whose floor '${floorOf(name, floors)}' is above '${floors[own]}': move what it needs to a lower file`,
        )
  })
  return [...unknown, ...upward]
}

/** Where the line of a new folder goes: above all that it imports, and below all that import it. */
function adviceFor(folder: string, sources: readonly Source[], floors: readonly string[]): string {
  const isIn = (file: string): boolean => posix.dirname(file) === folder
  const indexesOf = (files: readonly string[]): readonly number[] =>
    files
      .filter((file) => !isIn(file))
      .map((file) => floors.indexOf(floorOf(file, floors) ?? ''))
      .filter((index) => index >= 0)
  const lower = indexesOf(
    sources.filter(({ file }) => isIn(file)).flatMap(({ imports }) => imports),
  )
  const upper = indexesOf(
    sources.filter(({ imports }) => imports.some(isIn)).map(({ file }) => file),
  )
  const after = floors[Math.max(-1, ...lower)]
  const before = floors[Math.min(floors.length, ...upper)]
  return [
    `${folder} has no line in the table \`floors\` of test/architecture.test.ts: add \`'${folder}',\``,
    after === undefined ? '' : ` below the line '${after}', the highest that it imports`,
    before === undefined ? '' : ` and above the line '${before}', the lowest that imports it`,
  ].join('')
}
