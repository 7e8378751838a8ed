import type { Finding } from '../store.ts'
import type { Session } from './session.ts'

export interface FindingsParts {
  readonly schema: string
  readonly where: string
  readonly isPooled: boolean
  readonly isListening: boolean
}

/** What PostgreSQL says of the health of the store. */
export async function postgresFindings(
  session: Session,
  { where }: FindingsParts,
): Promise<readonly Finding[]> {
  const [server] = await session.rows("SELECT current_setting('server_version') AS version", [])
  return [
    {
      name: 'server',
      level: 'ok',
      message: `PostgreSQL ${String(server?.['version'])} at ${where}`,
    },
  ]
}
