import type { Page } from '@playwright/test'

/** Seconds that a token of the short-lived Feathers server is good for. It has no refresh. */
export const SHORT_FEATHERS_LIFE = 3

/** The short-lived demo API: a session of it ends when its refresh token does. Seconds. */
export const SHORT_DEMO_LIFE = {
  refresh: 4,
  env: {
    VESTIBULE_DEMO__ACCESS_TOKEN_LIFETIME: '2',
    VESTIBULE_DEMO__REFRESH_TOKEN_LIFETIME: '4',
  },
}

/** The other short-lived APIs: seconds that their access tokens, and where there are any their refresh tokens, are good for. */
export const SHORT_LIFE = { access: 2, refresh: 4 }

/** Milliseconds after a log-in when no token of the short-lived servers is good any more. */
export const SHORT_SESSION_IS_OVER = (Math.max(SHORT_FEATHERS_LIFE, SHORT_DEMO_LIFE.refresh, SHORT_LIFE.refresh) + 1) * 1000

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
