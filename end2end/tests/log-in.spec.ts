import { sessionCookies } from '../support/cookie'
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
  expect(await sessionCookies(context)).toEqual([])
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
  expect(await sessionCookies(context)).toEqual([])
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

test('a log-in lasts until the browser closes, or longer on request', async ({ app, context }) => {
  const kept = async () => (await sessionCookies(context)).map(({ expires }) => expires > 0)
  const box = app.main.getByRole('checkbox', { name: 'Keep me signed in' })
  await app.visit('/login')
  await expect(box).not.toBeChecked()
  await app.logIn(ada)
  await app.expectLoggedIn()
  expect(await kept()).toEqual([false])

  await app.logOut()
  await app.visit('/login')
  await box.check()
  await app.logIn(ada)
  await app.expectLoggedIn()
  expect(await kept()).toEqual([true])
})

test('a refused log-in keeps the wish to stay', async ({ app, guard }) => {
  guard.allowStatus(401)
  const box = app.main.getByRole('checkbox', { name: 'Keep me signed in' })
  await app.visit('/login')
  await box.check()
  await app.logIn({ ...ada, password: 'not her password' })
  await expect(app.main.getByRole('alert')).toBeVisible()
  await expect(box).toBeChecked()
  if (app.javaScript) {
    await expect(app.password()).toBeFocused()
  }
})

test('the way back is kept to the sign-up and back', async ({ app }) => {
  await app.visit('/login?return_to=%2Faccount')
  await app.main.getByRole('link', { name: 'Sign up' }).click()
  await expect(app.heading('Sign up')).toBeVisible()
  await app.main.getByRole('link', { name: 'Log in' }).click()
  await expect(app.heading('Log in')).toBeVisible()
  await app.logIn(ada)
  await expect(app.heading('Account')).toBeVisible()
})

test('the password can be shown', { tag: '@js' }, async ({ app }) => {
  await app.visit('/login')
  await app.password().fill('in plain sight')
  await expect(app.password()).toHaveAttribute('type', 'password')
  await app.main.getByRole('button', { name: 'Show' }).click()
  await expect(app.password()).toHaveAttribute('type', 'text')
  await app.main.getByRole('button', { name: 'Hide' }).click()
  await expect(app.password()).toHaveAttribute('type', 'password')
  await expect(app.password()).toHaveValue('in plain sight')
})

test('Caps Lock is told of', { tag: '@js' }, async ({ app }) => {
  await app.visit('/login')
  const key = (modifierCapsLock: boolean) =>
    app.password().evaluate((field, modifierCapsLock) => {
      field.dispatchEvent(new KeyboardEvent('keyup', { modifierCapsLock, bubbles: true }))
    }, modifierCapsLock)
  await key(true)
  await expect(app.password()).toHaveAccessibleDescription('Caps Lock is on.')
  await expect(app.main.getByText('Caps Lock is on.')).toBeVisible()
  await key(false)
  await expect(app.main.getByText('Caps Lock is on.')).toBeHidden()
  // What password managers send is no event of a keyboard.
  await app.password().evaluate((field) => field.dispatchEvent(new Event('keyup', { bubbles: true })))
  await expect(app.password()).toHaveAccessibleDescription('')
})

test('a second click while the log-in is under way does nothing', { tag: '@js' }, async ({ app, page }) => {
  let sent = 0
  let letGo = () => {}
  const held = new Promise<void>((resolve) => (letGo = resolve))
  await page.route('**/api/login', async (route) => {
    sent += 1
    await held
    await route.continue()
  })
  await app.visit('/login')
  await app.logIn(ada)
  const button = app.main.getByRole('button', { name: 'Log in' })
  await expect(button).toHaveAttribute('aria-busy', 'true')
  await button.click()
  await app.password().press('Enter')
  letGo()
  await app.expectLoggedIn()
  expect(sent).toBe(1)
})
