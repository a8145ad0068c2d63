import { expect, test as base, type APIResponse, type BrowserContext } from '@playwright/test'
import type { Upstream } from './api'
import { App } from './app'
import { Guard } from './guard'
import { stranger, type Person } from './person'
import { servers, type Life } from './server'

export interface Options {
  /** The API behind the app. */
  upstream: Upstream
  /** How long a log-in lasts. */
  life: Life
}

interface Fixtures {
  guard: Guard
  /** The app in the test's first tab. */
  app: App
  /** The app in a browser of its own: other cookies, other person. `javaScript` is the project's unless given. */
  openApp(options?: { javaScript?: boolean; cookiesOf?: BrowserContext }): Promise<App>
  /** Somebody new, signed up and logged in in the test's first tab; no page is open yet. */
  member: Person
  /** Sends a request with the first tab's cookies, as a script of our own page would. */
  send(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: { form?: Record<string, string>; json?: object }): Promise<APIResponse>
}

export const test = base.extend<Options & Fixtures>({
  upstream: ['demo', { option: true }],
  life: ['long', { option: true }],

  baseURL: async ({ upstream, life }, use) => {
    await use(servers()[upstream][life])
  },

  guard: [
    async ({ context, baseURL }, use) => {
      const guard = new Guard(baseURL!)
      guard.watch(context)
      await use(guard)
      expect(guard.complaints(), 'console errors, exceptions and foreign requests').toEqual([])
    },
    { auto: true },
  ],

  app: async ({ page, javaScriptEnabled }, use) => {
    await use(new App(page, javaScriptEnabled !== false))
  },

  openApp: async ({ browser, guard, baseURL, javaScriptEnabled }, use) => {
    const contexts: BrowserContext[] = []
    await use(async ({ javaScript = javaScriptEnabled !== false, cookiesOf } = {}) => {
      const storageState = await cookiesOf?.storageState()
      const context = await browser.newContext({ baseURL, storageState, javaScriptEnabled: javaScript })
      contexts.push(context)
      guard.watch(context)
      return new App(await context.newPage(), javaScript)
    })
    await Promise.all(contexts.map((context) => context.close()))
  },

  member: async ({ send, context }, use) => {
    const person = stranger()
    const answer = await send('POST', '/api/signup', { form: { ...person, return_to: '/notes' } })
    expect(answer.status(), await answer.text()).toBeLessThan(400)
    expect(await context.cookies()).not.toEqual([])
    await use(person)
  },

  send: async ({ context, baseURL }, use) => {
    await use((method, path, { form, json } = {}) =>
      context.request.fetch(path, {
        method,
        form,
        data: json,
        maxRedirects: 0,
        headers: { accept: 'application/json', origin: baseURL!, 'sec-fetch-site': 'same-origin' },
      }),
    )
  },
})

export { expect }
