/**
 * Makes `dist/`: the compiler's output, and the SQL and other text beside the code that reads it. The declarations keep their
 * comments, which editors show; the code goes without, for Node would read them at each start.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, globSync, rmSync } from 'node:fs'
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
