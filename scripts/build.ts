/**
 * Makes `dist/`: the compiler's output, and the SQL and other text beside the code that reads it. The declarations keep their
 * comments, which editors show; the code goes without, for Node would read them at each start. Declarations that the front door
 * does not reach are left out.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, globSync, readFileSync, rmSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = new URL('../', import.meta.url)
const at = (path: string): URL => new URL(path, root)

rmSync(at('dist/'), { recursive: true, force: true })
for (const output of [['--removeComments', '--declaration', 'false'], ['--emitDeclarationOnly']])
  execFileSync(
    fileURLToPath(at('node_modules/.bin/tsc')),
    ['-p', 'tsconfig.build.json', ...output],
    { cwd: root, stdio: 'inherit' },
  )
for (const file of globSync('**/*.{sql,txt}', { cwd: at('src/') }))
  cpSync(at(`src/${file}`), at(`dist/${file}`))
chmodSync(at('dist/cli/main.js'), 0o755)

const reached = new Set<string>()
reach('index.d.ts')
for (const file of globSync('**/*.d.ts', { cwd: at('dist/') }))
  if (!reached.has(file)) rmSync(at(`dist/${file}`))

/** Notes a declaration file, and all that it imports. */
function reach(file: string): void {
  if (reached.has(file)) return
  reached.add(file)
  const text = readFileSync(at(`dist/${file}`), 'utf8')
  for (const [, name = ''] of text.matchAll(/(?:from |import\()['"](\.[^'"]+)\.[jt]s['"]/g))
    reach(posix.join(posix.dirname(file), `${name}.d.ts`))
}
