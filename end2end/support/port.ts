import { createServer } from 'node:net'

const LOWEST = 20_000
// Below the range that systems take outgoing ports from, so that no client's socket gets there first.
const HIGHEST = 30_000
const ATTEMPTS = 50

const taken = new Set<number>()

/** A loopback port that nobody listens on, never the same one twice in this process. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST))
    if (!taken.has(port) && (await isFree(port))) {
      taken.add(port)
      return port
    }
  }
  throw new Error(`No free port found in ${ATTEMPTS} attempts.`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
