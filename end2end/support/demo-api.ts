import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Api } from './api'
import { Child, cleanEnvironment } from './child'
import { builtProfile, repository, targetDirectory } from './path'
import { freePort } from './port'

/** The demo API as a program of its own: `DEMO_API_BIN`, or the one beside the server. */
export function demoApiBinary(): string {
  return path.resolve(repository, process.env.DEMO_API_BIN || path.join(targetDirectory, builtProfile(), 'demo-api'))
}

/** Starts it with a data folder of its own, and waits until it answers. */
export async function startDemoApi({ log, port }: { log: string; port?: number }): Promise<Api> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'demo-api-'))
  const address = `127.0.0.1:${port || (await freePort())}`
  const url = `http://${address}`
  const child = new Child({
    command: demoApiBinary(),
    cwd: scratch,
    env: { ...cleanEnvironment(), DEMO_API_LISTEN: address, DEMO_API_DATA_DIR: scratch },
    log,
    scratch,
  })
  await child.until('an answer', () => answers(url))
  return { url, contract: 'demo', stop: () => child.stop() }
}

/** Any answer will do: without a token it is 401. */
async function answers(url: string): Promise<true | undefined> {
  const answer = await fetch(`${url}/auth/me`, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined)
  return answer === undefined ? undefined : true
}
