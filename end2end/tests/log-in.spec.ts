import { expect, test } from '../support/fixtures'
import { ada, grace, unique } from '../support/person'

test('the right password opens the notes', { tag: ['@core', '@log-in'] }, async ({ app }) => {
  await app.visit('/login')
  await expect(app.heading('Log in')).toBeVisible()
  await app.expectLoggedOut()
  await app.logIn(ada)
  await expect(app.heading('Notes')).toBeVisible()
  await app.expectLoggedIn()
  await app.visit('/account')
  await expect(app.main.getByText(ada.name)).toBeVisible()
})

test('a wrong password says so, keeps the e-mail and sets no cookie', { tag: ['@core', '@log-in'] }, async ({ app, page, context, guard }) => {
  guard.allowStatus(401)
  await app.visit('/login?return_to=%2Faccount')
  const answer = page.waitForResponse((response) => response.url().endsWith('/api/login'))
  await app.logIn({ ...ada, password: 'not her password' })
  const response = await answer
  // A fetch caller gets the API's own status; a form without JavaScript has to be sent back to the page.
  expect(response.status()).toBe(app.javaScript ? 401 : 303)
  expect(await response.headerValue('set-cookie')).toBeNull()

  await expect(app.main.getByRole('alert')).toContainText('E-mail or password is wrong')
  await expect(app.field('E-mail')).toHaveValue(ada.email)
  await app.expectLoggedOut()
  expect(await context.cookies()).toEqual([])
  expect(page.url()).not.toContain('password')

  await app.logIn(ada)
  await expect(app.heading('Account')).toBeVisible()
  await app.expectPath('/account')
})

test('an unknown e-mail is told the same as a wrong password', async ({ app, guard }) => {
  guard.allowStatus(401)
  await app.visit('/login')
  await app.logIn({ email: `${unique('nobody-').replace(' ', '')}@example.com`, password: 'whatever' })
  await expect(app.main.getByRole('alert')).toContainText('E-mail or password is wrong')
})

test('a script gets 401 as it is, and no cookie', async ({ send, context }) => {
  const form = { email: grace.email, password: 'not her password', return_to: '/notes' }
  const answer = await send('POST', '/api/login', { form })
  expect(answer.status()).toBe(401)
  expect(answer.headersArray().filter(({ name }) => name.toLowerCase() === 'set-cookie')).toEqual([])
  expect(await context.cookies()).toEqual([])
})

test('a script that logs in is told the user and no token', async ({ send }) => {
  const form = { email: grace.email, password: grace.password, return_to: '/notes' }
  const answer = await send('POST', '/api/login', { form })
  expect(answer.status()).toBeLessThan(400)
  const text = await answer.text()
  expect(text).not.toMatch(/eyJ|token/i)
  const session = await send('GET', '/api/session')
  expect(await session.json()).toMatchObject({ loggedIn: true, user: { email: grace.email, name: grace.name } })
})
