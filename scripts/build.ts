/** Makes `dist/`: the compiler's output, and the SQL and other text beside the code that reads it. */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, globSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../', import.meta.url)
const at = (path: string): URL => new URL(path, root)

rmSync(at('dist/'), { recursive: true, force: true })
execFileSync(fileURLToPath(at('node_modules/.bin/tsc')), ['-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
})
for (const file of globSync('**/*.{sql,txt}', { cwd: at('src/') }))
  cpSync(at(`src/${file}`), at(`dist/${file}`))
chmodSync(at('dist/cli/main.js'), 0o755)
