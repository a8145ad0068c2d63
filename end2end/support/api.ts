import { startDemoApi } from './demo-api'
import { startFeathers } from './feathers'
import { described, startDescribed, type Described } from './described'

/** The APIs that the same tests run on. */
export const upstreams = ['demo', 'feathers', ...described] as const
export type Upstream = (typeof upstreams)[number]

/** An API that listens, and what tells Vestibule the contract it speaks: its name, or a settings file. */
export interface Api {
  url: string
  contract?: 'demo' | 'feathers'
  config?: string
  stop(): Promise<void>
}

/** Starts the API as a process of its own. */
export function startApi(upstream: Upstream, log: string, port = 0): Promise<Api> {
  switch (upstream) {
    case 'demo':
      return startDemoApi({ log, port })
    case 'feathers':
      return startFeathers({ log, port })
    default:
      return startDescribed(upstream satisfies Described, { log, port })
  }
}
