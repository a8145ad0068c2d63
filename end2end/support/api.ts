import { startDemoApi } from './demo-api'
import { startFeathers } from './feathers'

/** The APIs that the same tests run on. */
export type Upstream = 'demo' | 'feathers'

/** An API that listens, and the name of the contract it speaks. */
export interface Api {
  url: string
  contract: Upstream
  stop(): Promise<void>
}

/** Starts the API as a process of its own. */
export function startApi(upstream: Upstream, log: string): Promise<Api> {
  return upstream === 'demo' ? startDemoApi({ log }) : startFeathers({ log })
}
