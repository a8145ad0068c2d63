import { sessionCookies } from '../support/cookie'
import { expect, test } from '../support/fixtures'
import { ada } from '../support/person'

test('the one cookie is out of reach for scripts and holds no readable token', async ({ app, context, baseURL }) => {
  await app.visit('/login')
  expect(await context.cookies(), 'before the log-in').toEqual([])
  await app.logIn(ada)
  await app.expectLoggedIn()

  const [cookie, ...others] = await sessionCookies(context)
  expect(others).toEqual([])
  expect(cookie).toMatchObject({
    name: 'vestibule',
    domain: new URL(baseURL!).hostname,
    path: '/',
    httpOnly: true,
    sameSite: 'Lax',
    secure: false,
  })
  for (const reading of [cookie!.value, decodeURIComponent(cookie!.value), fromBase64(cookie!.value)]) {
    expect(reading).not.toContain('eyJ')
    expect(reading).not.toContain(ada.email)
  }
})

test('the mark of a known browser is out of reach too and says nothing', async ({ app, context }) => {
  await app.visit('/login')
  await app.logIn(ada)
  await app.expectLoggedIn()
  const mark = (await context.cookies()).find(({ name }) => name === 'vestibule-known')
  expect(mark).toMatchObject({ path: '/', httpOnly: true, sameSite: 'Strict' })
  for (const reading of [mark!.value, fromBase64(mark!.value)]) {
    expect(reading).not.toContain('eyJ')
    expect(reading).not.toContain(ada.email)
  }
})

test('scripts of the page find no cookie and no token', { tag: '@js' }, async ({ app, page, member }) => {
  expect(member.email).not.toBe('')
  for (const path of ['/', '/notes', '/account']) {
    await app.visit(path)
    await app.expectLoggedIn()
    expect(await page.evaluate(() => document.cookie)).toBe('')
    const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]))
    expect(stored).not.toMatch(/eyJ|token/i)
    expect(await page.evaluate(() => indexedDB.databases())).toEqual([])
  }
})

test('the home page shows live that scripts see no cookie', { tag: '@js' }, async ({ app, member }) => {
  await app.visit('/')
  await expect(app.main.getByText(`Logged in as ${member.name}.`)).toBeVisible()
  await expect(app.main.getByText(/document\.cookie.*is empty/)).toBeVisible()
})

function fromBase64(text: string): string {
  return Buffer.from(decodeURIComponent(text), 'base64').toString('latin1')
}
