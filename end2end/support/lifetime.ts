import { expect, type Page } from '@playwright/test'

/**
 * What the tokens of the short-lived servers are good for, in seconds: short enough to wait for their end, and longer
 * than a slow machine takes from a log-in to the page behind it.
 */
export const SHORT_LIFE = {
  /** An access token that a refresh token renews. */
  access: 3,
  /** That refresh token: with it the session ends. */
  refresh: 10,
  /** The token of an API that has no refresh. */
  alone: 10,
}

/** Milliseconds after which no token of the short-lived servers is good any more. */
const OVER = (Math.max(SHORT_LIFE.refresh, SHORT_LIFE.alone) + 1) * 1000

/**
 * Waits until every token is past its end. The time counts from the page's last call, as each may have renewed them.
 * Nothing else tells: asking the server could prolong the session. A page that knows when its session ends leaves for
 * the log-in by itself.
 */
export async function sessionIsOver(page: Page): Promise<void> {
  let since = Date.now()
  const happens = () => (since = Date.now())
  page.on('request', happens).on('response', happens)
  const isOver = () => Date.now() - since > OVER || new URL(page.url()).pathname === '/login'
  await expect.poll(isOver, { intervals: [100], timeout: 3 * OVER }).toBe(true)
  page.off('request', happens).off('response', happens)
}

/** Has the server tell the page that its session ends soon. */
export async function sessionEnds(page: Page, told: { secondsLeft: number; canBeProlonged: boolean }): Promise<void> {
  await page.unroute('**/api/session')
  await page.route('**/api/session', async (route) => {
    const session = (await (await route.fetch()).json()) as object
    await route.fulfill({ json: { ...session, ...told } })
  })
  // A page asks when somebody comes back to it.
  await page.evaluate(() => window.dispatchEvent(new Event('focus')))
}
