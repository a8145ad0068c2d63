import type { Locator } from '@playwright/test'
import type { App } from '../support/app'
import { sessionCookies } from '../support/cookie'
import { expect, test } from '../support/fixtures'
import type { Person } from '../support/person'

/** The devices in the list. */
function devices(app: App): Locator {
  return app.main.getByRole('list', { name: 'Your devices' }).getByRole('listitem')
}

async function logIn(app: App, person: Person): Promise<App> {
  await app.visit('/login')
  await app.logIn(person)
  await app.expectLoggedIn()
  return app
}

async function changePassword(app: App, current: string, next: string): Promise<void> {
  await app.main.getByLabel('Current password', { exact: true }).fill(current)
  await app.main.getByLabel('New password', { exact: true }).fill(next)
  await app.main.getByRole('button', { name: 'Change password' }).click()
}

test.describe('where the API has something for accounts', () => {
  test.beforeEach(({ upstream }) => {
    test.skip(upstream !== 'demo', 'this API has nothing for accounts')
  })

  test('a new name is there at once and stays', async ({ app, page, member }) => {
    const name = `${member.name} the Second`
    await app.visit('/account')
    await expect(app.field('Name')).toHaveValue(member.name)
    await app.field('Name').fill(name)
    await app.main.getByRole('button', { name: 'Save name' }).click()
    await expect(app.status('Name saved.')).toBeVisible()
    await expect(app.main.getByText(name, { exact: true })).toBeVisible()
    await app.reload()
    await expect(app.main.getByText(name, { exact: true })).toBeVisible()
    await app.visit('/')
    await expect(page.getByRole('status', { name: 'Your session' })).toContainText(`Logged in as ${name}.`)
  })

  test('a new name reaches the other tabs', { tag: '@js' }, async ({ app, context, member }) => {
    const other = await context.newPage()
    await other.goto('/')
    await expect(other.locator('html')).toHaveAttribute('data-hydrated', 'true')
    await app.visit('/account')
    await app.field('Name').fill(`${member.name} II`)
    await app.main.getByRole('button', { name: 'Save name' }).click()
    await expect(other.getByRole('status', { name: 'Your session' })).toContainText(`Logged in as ${member.name} II.`)
  })

  test('a name that the API does not take is explained', async ({ app, guard, member }) => {
    guard.allowStatus(422)
    await app.visit('/account')
    const name = app.field('Name')
    await name.fill('   ')
    await app.main.getByRole('button', { name: 'Save name' }).click()
    await expect(name).toHaveAttribute('aria-invalid', 'true')
    await expect(name).toHaveAccessibleDescription(/\w/)
    await expect(name).toBeFocused()
    await expect(app.main.getByRole('alert')).toHaveCount(1)
    await expect(app.main.getByText(member.name, { exact: true })).toBeVisible()
  })

  test('a new password counts, and the old one no more', async ({ app, guard, member }) => {
    guard.allowStatus(401)
    const password = `${member.password} anew`
    await app.visit('/account')
    await changePassword(app, member.password, password)
    await expect(app.status('Password changed.')).toBeVisible()
    await app.logOut()
    await app.visit('/login')
    await app.logIn(member)
    await expect(app.main.getByRole('alert')).toBeVisible()
    await app.logIn({ ...member, password })
    await app.expectLoggedIn()
  })

  test('a wrong present password is said at its field', async ({ app, page, guard, member }) => {
    expect(member.email).not.toBe('')
    guard.allowStatus(422)
    await app.visit('/account')
    await changePassword(app, 'not my password', 'another password')
    const current = app.main.getByLabel('Current password', { exact: true })
    await expect(current).toHaveAttribute('aria-invalid', 'true')
    await expect(current).toHaveAccessibleDescription(/This is not your current password\./)
    await expect(current).toBeFocused()
    expect(page.url()).not.toContain('my+password')
    await app.expectLoggedIn()
  })

  test('a new password logs out the other devices', async ({ app, member, openApp }) => {
    const other = await logIn(await openApp(), member)
    await app.visit('/account')
    await expect(devices(app)).toHaveCount(2)
    await changePassword(app, member.password, `${member.password} anew`)
    await expect(app.status('Password changed.')).toBeVisible()
    await expect(devices(app)).toHaveCount(1)
    await other.visit('/notes')
    await expect(other.heading('Log in')).toBeVisible()
  })

  test('a device can be logged out from another one', async ({ app, member, openApp }) => {
    const other = await logIn(await openApp(), member)
    await app.visit('/account')
    await expect(devices(app)).toHaveCount(2)
    await expect(devices(app).filter({ hasText: 'This device' })).toHaveCount(1)
    await app.main.getByRole('button', { name: /^Log out Chrome on \w+$/ }).click()
    await expect(app.status('The device is logged out.')).toBeVisible()
    await expect(devices(app)).toHaveCount(1)
    await expect(devices(app)).toContainText('This device')
    await other.visit('/notes')
    await expect(other.heading('Log in')).toBeVisible()
    await app.visit('/notes')
    await expect(app.heading('Notes')).toBeVisible()
  })

  test('all devices can be logged out at once', async ({ app, context, member, openApp }) => {
    const other = await logIn(await openApp(), member)
    await app.visit('/account')
    await app.main.getByRole('button', { name: 'Log out everywhere' }).click()
    await app.expectLoggedOut()
    await expect(app.status('You are logged out everywhere.')).toBeVisible()
    expect(await sessionCookies(context)).toEqual([])
    await other.visit('/notes')
    await expect(other.heading('Log in')).toBeVisible()
  })
})

test('where the API has nothing for accounts, no page speaks of it', async ({ app, upstream, member }) => {
  test.skip(upstream === 'demo', 'this API has')
  await app.visit('/account')
  await expect(app.main.getByText(member.email)).toBeVisible()
  await expect(app.main.getByRole('textbox')).toHaveCount(0)
  await expect(app.main.getByText('Your devices')).toHaveCount(0)
})
