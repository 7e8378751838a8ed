/** Cancels everything with the tag `t`, as a call whose id is given. It is to be killed. */
import { connect } from '../../src/index.ts'

const [url = '', callId = ''] = process.argv.slice(2)
await using client = await connect(url)
await client.cancel({ filter: { tag: 't' } }, { callId })
