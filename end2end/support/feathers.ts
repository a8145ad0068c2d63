import path from 'node:path'
import type { Api } from './api'
import { Child, cleanEnvironment } from './child'
import { end2endDirectory, requireFile } from './path'

const directory = path.join(end2endDirectory, 'upstreams', 'feathers')

/** Starts the FeathersJS API on a free port. `jwtLife` is written as `jsonwebtoken` does: `3s`. */
export async function startFeathers({ log, jwtLife = '15m', port = 0 }: { log: string; jwtLife?: string; port?: number }): Promise<Api> {
  requireFile(path.join(directory, 'node_modules'), 'npm ci --prefix end2end/upstreams/feathers')
  const child = new Child({
    command: process.execPath,
    args: ['src/main.js'],
    cwd: directory,
    env: { ...cleanEnvironment(), PORT: String(port), FEATHERS_JWT_EXPIRES_IN: jwtLife },
    log,
  })
  const url = await child.until('its address', async () => child.output().match(/listens on (http:\S+)/)?.[1])
  return { url, contract: 'feathers', stop: () => child.stop() }
}
