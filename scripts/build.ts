/** Makes `dist/`: the compiler's output, and the SQL files beside the code that reads them. */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../', import.meta.url)
const at = (path: string): URL => new URL(path, root)

rmSync(at('dist/'), { recursive: true, force: true })
execFileSync(fileURLToPath(at('node_modules/.bin/tsc')), ['-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
})
cpSync(at('src/store/sqlite/migrations/'), at('dist/store/sqlite/migrations/'), { recursive: true })
chmodSync(at('dist/cli/main.js'), 0o755)
