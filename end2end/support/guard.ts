import type { BrowserContext } from '@playwright/test'

/** Collects what no page of ours may do: console errors and warnings, exceptions, calls to other origins. */
export class Guard {
  readonly #origin: string
  readonly #allowed: RegExp[] = []
  readonly #complaints: string[] = []

  constructor(origin: string) {
    this.#origin = new URL(origin).origin
  }

  watch(context: BrowserContext): void {
    context.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') {
        this.#complaints.push(`console ${message.type()}: ${message.text()} (${message.location().url})`)
      }
    })
    context.on('weberror', (error) => this.#complaints.push(`exception: ${error.error().stack ?? error.error()}`))
    context.on('request', (request) => {
      const { origin, protocol } = new URL(request.url())
      if (origin !== this.#origin && protocol.startsWith('http')) {
        this.#complaints.push(`request to another origin: ${request.url()}`)
      }
    })
  }

  /** Chromium reports each refused request in the console. Call this where the refusal is the point. */
  allowStatus(...statuses: number[]): void {
    for (const status of statuses) {
      this.#allowed.push(new RegExp(`Failed to load resource: the server responded with a status of ${status} `))
    }
  }

  /** Call it where the connection is cut on purpose: Chromium reports each call that fails, and so does the app. */
  allowNoAnswer(): void {
    this.#allowed.push(/Failed to load resource: net::ERR_/, /console warning: [A-Z]+ \/api\/\S+ .*Failed to fetch/)
  }

  complaints(): string[] {
    return this.#complaints.filter((complaint) => !this.#allowed.some((pattern) => pattern.test(complaint)))
  }
}
