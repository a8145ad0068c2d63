import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Child, cleanEnvironment } from './child'
import { freePort } from './port'
import { builtProfile, repository, targetDirectory } from './path'

/** The server under test: `VESTIBULE_BIN`, or what was built last. */
export function binary(): string {
  return path.resolve(repository, process.env.VESTIBULE_BIN || path.join(targetDirectory, builtProfile(), 'vestibule'))
}

/** Where that server has its static files. */
export function siteRoot(): string {
  return isDist() ? path.join(path.dirname(binary()), 'site') : path.join(targetDirectory, 'site')
}

/** A binary outside of `target/` brings its files along and must do with its own folder. */
function isDist(): boolean {
  return !binary().startsWith(targetDirectory + path.sep)
}

export interface Vestibule {
  /** Where it listens, without a slash at the end. */
  url: string
  log: string
  stop(): Promise<void>
}

export interface VestibuleOptions {
  log: string
  /** The API behind it; its embedded demo API when there is none. */
  api?: { url: string; contract?: string; config?: string }
  /** Where it listens; a free port when there is none. */
  port?: number
  /** The origin that people see, when something stands in front of it. */
  publicUrl?: string
  env?: Record<string, string>
}

/** Starts a server with a data folder of its own, and waits until it answers. */
export async function startVestibule(options: VestibuleOptions): Promise<Vestibule> {
  const { log, api, publicUrl, env = {} } = options
  const scratch = await mkdtemp(path.join(tmpdir(), 'vestibule-'))
  const address = `127.0.0.1:${options.port ?? (await freePort())}`
  const url = `http://${address}`
  const child = new Child({
    command: binary(),
    args: api?.config === undefined ? [] : ['--config', api.config],
    cwd: isDist() ? scratch : repository,
    env: {
      ...cleanEnvironment(),
      ...(isDist() ? {} : { LEPTOS_SITE_ROOT: siteRoot() }),
      VESTIBULE_DATA_DIR: scratch,
      VESTIBULE_LISTEN: address,
      VESTIBULE_PUBLIC_URL: publicUrl ?? url,
      // The suite logs in more often than any person.
      VESTIBULE_LOGIN__ATTEMPTS_PER_MINUTE_PER_ADDRESS: '0',
      VESTIBULE_LOGIN__ATTEMPTS_PER_MINUTE_PER_ACCOUNT: '0',
      VESTIBULE_LOGIN__STRANGER_ATTEMPTS_PER_MINUTE_PER_ACCOUNT: '0',
      VESTIBULE_LOGIN__STRANGER_ATTEMPTS_PER_DAY_PER_ACCOUNT: '0',
      VESTIBULE_LOGIN__SIGN_UPS_PER_MINUTE_PER_ADDRESS: '0',
      ...(api === undefined ? {} : { VESTIBULE_API__URL: api.url }),
      ...(api?.contract === undefined ? {} : { VESTIBULE_API__CONTRACT: api.contract }),
      ...env,
    },
    log,
    scratch,
  })
  await child.until('an answer at /healthz', () => isHealthy(url))
  return { url, log, stop: () => child.stop() }
}

async function isHealthy(url: string): Promise<true | undefined> {
  const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined)
  return answer?.status === 200 ? true : undefined
}
