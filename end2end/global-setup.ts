import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { stopAll } from './support/child'
import { demoApiBinary } from './support/demo-api'
import { startFeathers } from './support/feathers'
import { described, startDescribed, type Described } from './support/described'
import { builtProfile, logDirectory, repository, requireFile } from './support/path'
import { publishServers, type Life } from './support/server'
import { SHORT_LIFE } from './support/lifetime'
import { binary, startVestibule } from './support/vestibule'

/** The demo API with tokens that live short. */
const SHORT_DEMO = {
  VESTIBULE_DEMO__ACCESS_TOKEN_LIFETIME: String(SHORT_LIFE.access),
  VESTIBULE_DEMO__REFRESH_TOKEN_LIFETIME: String(SHORT_LIFE.refresh),
}

/** Starts what the tests run against, and answers how to stop it. */
export default async function globalSetup(): Promise<() => Promise<void>> {
  requireFile(binary(), 'cargo leptos build --release')
  await buildDemoApi()
  await mkdir(logDirectory, { recursive: true })
  try {
    await startServers()
  } catch (error) {
    await stopAll()
    throw error
  }
  return stopAll
}

/** `cargo leptos` builds the server alone. */
async function buildDemoApi(): Promise<void> {
  if (!existsSync(demoApiBinary())) {
    const release = builtProfile() === 'release' ? ['--release'] : []
    await promisify(execFile)('cargo', ['build', '--package=demo-api', ...release], { cwd: repository })
  }
  requireFile(demoApiBinary(), 'cargo build --release -p demo-api')
}

async function startServers(): Promise<void> {
  const log = (name: string) => path.join(logDirectory, `${name}.log`)
  const [feathers, shortFeathers] = await Promise.all([
    startFeathers({ log: log('feathers') }),
    startFeathers({ log: log('feathers-short'), jwtLife: `${SHORT_LIFE.alone}s` }),
  ])
  const descriptions = Promise.all(described.map((name) => startOnDescribed(name, log)))
  const [demo, shortDemo, onFeathers, onShortFeathers] = await Promise.all([
    startVestibule({ log: log('vestibule-demo') }),
    startVestibule({ log: log('vestibule-demo-short'), env: SHORT_DEMO }),
    startVestibule({ log: log('vestibule-feathers'), api: feathers }),
    startVestibule({ log: log('vestibule-feathers-short'), api: shortFeathers }),
  ])
  publishServers({
    demo: { long: demo.url, short: shortDemo.url },
    feathers: { long: onFeathers.url, short: onShortFeathers.url },
    ...(Object.fromEntries(await descriptions) as Record<Described, Record<Life, string>>),
  })
}

/** Starts an API twice, with tokens that live long and short, and Vestibule in front of each. */
async function startOnDescribed(
  name: Described,
  log: (name: string) => string,
): Promise<[Described, Record<Life, string>]> {
  const start = async (life: Life) => {
    const api = await startDescribed(name, { log: log(`${name}-${life}`), short: life === 'short' })
    return (await startVestibule({ log: log(`vestibule-${name}-${life}`), api })).url
  }
  const [long, short] = await Promise.all([start('long'), start('short')])
  return [name, { long, short }]
}
