import type { Upstream } from './api'

/** How long a log-in lasts: as in life, or seconds. */
export type Life = 'long' | 'short'

/** Origins of the running servers. */
export type Servers = Record<Upstream, Record<Life, string>>

const VARIABLE = 'END2END_SERVERS'

/** The runner tells, through the environment, … */
export function publishServers(servers: Servers): void {
  process.env[VARIABLE] = JSON.stringify(servers)
}

/** … and its workers read. */
export function servers(): Servers {
  const published = process.env[VARIABLE]
  if (published === undefined) {
    throw new Error('No server is running: the global set-up did not come to its end.')
  }
  return JSON.parse(published) as Servers
}
