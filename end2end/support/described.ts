import path from 'node:path'
import type { Api } from './api'
import { Child, cleanEnvironment } from './child'
import { SHORT_LIFE } from './lifetime'
import { end2endDirectory, requireFile } from './path'

/** The APIs that Vestibule knows by nothing but the `vestibule.toml` in their folder. */
export const described = ['nestjs', 'express', 'fastapi'] as const
export type Described = (typeof described)[number]

interface Program {
  command: string
  args: string[]
  /** What has to be there, and the command that makes it. */
  needs: [file: string, command: string]
  /** Makes tokens end soon. */
  short: Record<string, string>
}

const node = (name: Described, args: string[], short: Record<string, string>): Program => ({
  command: process.execPath,
  args,
  needs: ['node_modules', `npm ci --prefix end2end/upstreams/${name}`],
  short,
})

const python = process.platform === 'win32' ? '.venv/Scripts/python.exe' : '.venv/bin/python'

const programs: Record<Described, Program> = {
  nestjs: node('nestjs', ['-r', 'ts-node/register/transpile-only', 'src/main.ts'], {
    NEST_JWT_EXPIRES_IN: String(SHORT_LIFE.access),
    NEST_REFRESH_EXPIRES_IN: String(SHORT_LIFE.refresh),
  }),
  express: node('express', ['src/main.js'], { EXPRESS_JWT_EXPIRES_IN: `${SHORT_LIFE.alone}s` }),
  fastapi: {
    command: python,
    args: ['src/main.py'],
    needs: [python, 'cargo xtask setup'],
    short: {
      FASTAPI_JWT_EXPIRES_IN: String(SHORT_LIFE.access),
      FASTAPI_REFRESH_EXPIRES_IN: String(SHORT_LIFE.refresh),
    },
  },
}

export interface DescribedOptions {
  log: string
  port?: number
  /** Whether its tokens end within seconds. */
  short?: boolean
}

/** Starts the API, and waits until it says where it listens. */
export async function startDescribed(name: Described, { log, port = 0, short = false }: DescribedOptions): Promise<Api> {
  const directory = path.join(end2endDirectory, 'upstreams', name)
  const { command, args, needs, short: shortLife } = programs[name]
  requireFile(path.join(directory, needs[0]), needs[1])
  const child = new Child({
    command: command === process.execPath ? command : path.join(directory, command),
    args,
    cwd: directory,
    env: { ...cleanEnvironment(), PORT: String(port), PYTHONDONTWRITEBYTECODE: '1', ...(short ? shortLife : {}) },
    log,
  })
  const url = await child.until('its address', async () => child.output().match(/listens on (http:\S+)/)?.[1])
  return { url, config: path.join(directory, 'vestibule.toml'), stop: () => child.stop() }
}
