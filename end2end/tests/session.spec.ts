import type { Request } from '@playwright/test'
import { App } from '../support/app'
import { expect, test } from '../support/fixtures'

const EVENTS = '/api/session/events'

test('a reload keeps the log-in', async ({ app, member }) => {
  await app.visit('/login')
  await app.visit('/')
  await app.expectLoggedIn()
  await app.reload()
  await app.expectLoggedIn()
  await expect(app.page.getByRole('status', { name: 'Your session' })).toContainText(`Logged in as ${member.name}.`)
})

test('a new browser is not logged in', async ({ member, openApp }) => {
  expect(member.email).not.toBe('')
  const other = await openApp()
  await other.visit('/')
  await other.expectLoggedOut()
  await expect(other.page.getByRole('status', { name: 'Your session' })).toContainText('You are not logged in.')
})

test('the very HTML names the person', async ({ member, context, openApp, send }) => {
  const answer = await send('GET', '/')
  expect(answer.status()).toBe(200)
  expect(await answer.text()).toContain(member.name)

  // What of it shows without a single script, also when the page is streamed.
  const app = await openApp({ javaScript: false, cookiesOf: context })
  await app.visit('/')
  await app.expectLoggedIn()
  await expect(app.page.getByRole('status', { name: 'Your session' })).toContainText(member.name)
  await app.visit('/notes')
  await expect(app.main.getByText('No notes yet.')).toBeVisible()
})

test('no "Log in" flashes up while the page wakes', { tag: '@js' }, async ({ app, page, member }) => {
  expect(member.email).not.toBe('')
  await page.addInitScript(() => {
    const seen: string[] = []
    Object.assign(window, { flashes: seen })
    new MutationObserver(() => {
      for (const link of document.querySelectorAll('header a')) {
        if (/log in|sign up/i.test(link.textContent ?? '')) {
          seen.push(link.textContent ?? '')
        }
      }
    }).observe(document, { childList: true, subtree: true, characterData: true, attributes: true })
  })
  for (const path of ['/', '/notes', '/account']) {
    await app.visit(path)
    await app.expectLoggedIn()
    expect(await page.evaluate('window.flashes')).toEqual([])
  }
})

test('a tab that comes to the front knows of a log-in and a log-out elsewhere', { tag: '@js' }, async ({ app, context, member }) => {
  await app.visit('/')
  const other = await context.newPage()
  await other.goto('/')
  const header = other.getByRole('banner')
  await expect(other.locator('html')).toHaveAttribute('data-hydrated', 'true')
  await expect(header.getByRole('link', { name: 'Account' })).toBeVisible()

  const focus = async () => {
    await other.bringToFront()
    // Headless tabs all believe to be in front, so the browser's own events are sent by hand.
    await other.evaluate(() => {
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
      window.dispatchEvent(new Event('focus'))
    })
  }

  await app.page.bringToFront()
  await app.logOut()
  await focus()
  await expect(header.getByRole('link', { name: 'Log in' })).toBeVisible()

  await app.page.bringToFront()
  await app.visit('/login')
  await app.logIn(member)
  await app.expectLoggedIn()
  await focus()
  await expect(header.getByRole('link', { name: 'Account' })).toBeVisible()
  await expect(header.getByRole('link', { name: 'Log in' })).toBeHidden()
})

test('private text leaves a tab that comes to the front after a log-out elsewhere', { tag: '@js' }, async ({ app, guard, send, member }) => {
  // The page may only now begin to listen for changes.
  guard.allowStatus(401)
  expect(member.email).not.toBe('')
  await app.visit('/notes')
  await app.addNote('Between us', 'Nobody else reads this.')
  expect((await send('POST', '/api/logout')).status()).toBeLessThan(400)
  await app.page.evaluate(() => {
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
    window.dispatchEvent(new Event('focus'))
  })
  await expect(app.heading('Log in')).toBeVisible()
  await expect(app.page.getByText('Nobody else reads this.')).toBeHidden()
  expect(await app.page.content()).not.toContain('Nobody else reads this.')
})

test('a log-out and a log-in reach the other tabs', { tag: '@js' }, async ({ app, context, member }) => {
  await app.visit('/')
  const other = new App(await context.newPage(), true)
  // The tabs tell each other: the server's own word would come as well.
  await other.page.route('**/api/session/events', (route) => route.fulfill({ status: 204 }))
  await other.visit('/account')
  await expect(other.main.getByText(member.email)).toBeVisible()

  await app.logOut()
  await expect(other.heading('Log in')).toBeVisible()
  await other.expectLoggedOut()
  expect(await other.page.content()).not.toContain(member.email)

  await app.visit('/login')
  await app.logIn(member)
  await other.expectLoggedIn()
  await expect(other.heading('Account')).toBeVisible()
})

test('an end that only the server knows of reaches the tab in front', { tag: '@js' }, async ({ app, send, page, member }) => {
  const watched = page.waitForResponse((response) => response.url().endsWith(EVENTS))
  await app.visit('/account')
  await expect(app.main.getByText(member.email)).toBeVisible()
  await watched
  expect((await send('POST', '/api/logout')).status()).toBeLessThan(400)
  await expect(app.heading('Log in')).toBeVisible()
  await expect(app.status('Your session has ended. Log in again to go on.')).toBeVisible()
  expect(await page.content()).not.toContain(member.email)
})

test('a tab in the background holds no connection', { tag: '@js' }, async ({ app, page, member }) => {
  expect(member.email).not.toBe('')
  const isStream = (request: Request) => request.url().endsWith(EVENTS)
  const turn = (hidden: boolean) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { value: hidden, configurable: true })
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
    }, hidden)

  const opened = page.waitForEvent('request', isStream)
  await app.visit('/')
  await opened
  const closed = page.waitForEvent('requestfailed', isStream)
  await turn(true)
  await closed
  const again = page.waitForEvent('request', isStream)
  await turn(false)
  await again
})
