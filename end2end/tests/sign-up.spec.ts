import { sessionCookies } from '../support/cookie'
import { expect, test } from '../support/fixtures'
import { stranger } from '../support/person'

test('a new person signs up, is logged in and starts with no notes', { tag: ['@core', '@sign-up'] }, async ({ app }) => {
  const person = stranger()
  await app.visit('/')
  await app.header.getByRole('link', { name: 'Sign up' }).click()
  await expect(app.heading('Sign up')).toBeVisible()
  await app.ready()
  await app.signUp(person)
  await expect(app.heading('Notes')).toBeVisible()
  await app.expectLoggedIn()
  await expect(app.main.getByText('No notes yet.')).toBeVisible()

  await app.visit('/account')
  await expect(app.main.getByText(person.name)).toBeVisible()
  await expect(app.main.getByText(person.email)).toBeVisible()
})

test('the way back is kept through a sign-up', async ({ app }) => {
  await app.visit('/signup?return_to=%2Faccount')
  await app.signUp(stranger())
  await expect(app.heading('Account')).toBeVisible()
  await app.expectPath('/account')
})

test('a sign-up lasts until the browser closes, or longer on request', async ({ app, context }) => {
  const kept = async () => (await sessionCookies(context)).map(({ expires }) => expires > 0)
  for (const keep of [false, true]) {
    await context.clearCookies()
    await app.visit('/signup')
    const box = app.main.getByRole('checkbox', { name: 'Keep me signed in' })
    await expect(box).not.toBeChecked()
    await box.setChecked(keep)
    await app.signUp(stranger())
    await app.expectLoggedIn()
    expect(await kept()).toEqual([keep])
  }
})

test('a refused sign-up keeps the wish to stay', async ({ app, guard, member }) => {
  guard.allowStatus(409, 422)
  await app.visit('/')
  await app.logOut()
  await app.visit('/signup')
  const box = app.main.getByRole('checkbox', { name: 'Keep me signed in' })
  await box.check()
  await app.signUp(member)
  await expect(app.main.getByRole('alert').or(app.main.locator('[aria-invalid=true]')).first()).toBeVisible()
  await expect(box).toBeChecked()
})

test('an e-mail that is taken is refused, and nobody is logged in', { tag: ['@core', '@sign-up'] }, async ({ app, context, guard, openApp }) => {
  guard.allowStatus(409, 422)
  const person = stranger()
  const other = await openApp()
  await other.visit('/signup')
  await other.signUp(person)
  await expect(other.heading('Notes')).toBeVisible()

  await app.visit('/signup')
  await app.signUp({ ...person, name: 'Somebody else' })
  const email = app.field('E-mail')
  await expect(app.main.getByRole('alert').or(app.main.locator('[aria-invalid=true]')).first()).toBeVisible()
  await expect(app.heading('Sign up')).toBeVisible()
  if (app.javaScript) {
    await expect(email).toHaveAttribute('aria-invalid', 'true')
    await expect(email).toHaveAccessibleDescription(/\w/)
    await expect(email).toHaveValue(person.email)
  }
  await app.expectLoggedOut()
  expect(await sessionCookies(context)).toEqual([])
})
