import type { BrowserContext, Cookie } from '@playwright/test'

/** The browser's cookies but for the mark of a known browser, which outlives the session. */
export async function sessionCookies(context: BrowserContext): Promise<Cookie[]> {
  return (await context.cookies()).filter(({ name }) => !name.endsWith('-known'))
}
