#!/usr/bin/env node
/** The entry of the `checkrein` command. The modules that it needs are loaded once it is known that this Node can load them. */

const oldestNode = [24, 16] as const

function refuseOldNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return
  process.stderr.write(
    `error: checkrein needs Node ${oldestNode.join('.')} or later, and this is ${process.version}\n`,
  )
  process.exit(78)
}

refuseOldNode()
const { run } = await import('./run.ts')
await run()
