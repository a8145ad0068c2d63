import { chromiumLaunch } from '../support/chromium'
import { expect, test } from '../support/fixtures'
import type { App } from '../support/app'

// Playwright turns this cache off, people have it on: a page comes back as it was, without any request.
test.use({ launchOptions: { ...chromiumLaunch(), ignoreDefaultArgs: ['--disable-back-forward-cache'] } })

/** `page.goBack()` would wait for a load that does not come. */
async function back(app: App): Promise<void> {
  await app.page.evaluate(() => history.back())
}

test('a public page may be kept by the browser', { tag: '@js' }, async ({ app, page }) => {
  await page.addInitScript(() => {
    addEventListener('pageshow', ({ persisted }) => Object.assign(window, { persisted }))
  })
  await app.visit('/')
  await app.visit('/signup')
  await back(app)
  await app.expectPath('/')
  await expect.poll(() => page.evaluate('window.persisted')).toBe(true)
})

test('a page that the browser kept shows nothing private after a log-out', async ({ app, page, send, member }) => {
  expect(member.email).not.toBe('')
  await app.visit('/notes')
  await app.addNote('Between us', 'Nobody else reads this.')
  await app.visit('/')
  expect((await send('POST', '/api/logout')).status()).toBeLessThan(400)
  await back(app)
  await expect(app.heading('Log in')).toBeVisible()
  await app.expectLoggedOut()
  await expect(page.getByText('Nobody else reads this.')).toBeHidden()
  expect(await page.content()).not.toContain('Nobody else reads this.')
})

test('a page that the browser kept knows of a log-in since', { tag: '@js' }, async ({ app, send, member }) => {
  expect((await send('POST', '/api/logout')).status()).toBeLessThan(400)
  await app.visit('/')
  await app.expectLoggedOut()
  await app.visit('/signup')
  const form = { email: member.email, password: member.password, return_to: '/' }
  expect((await send('POST', '/api/login', { form })).status()).toBeLessThan(400)
  await back(app)
  await app.expectLoggedIn()
})
