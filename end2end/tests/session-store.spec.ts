import type { App } from '../support/app'
import { expect, test as base } from '../support/fixtures'
import type { Person } from '../support/person'
import { startVestibule } from '../support/vestibule'

// A server that keeps the sessions itself knows them all, and tells each tab of its end at once.
const test = base.extend<{ own: string }>({
  own: async ({}, use, testInfo) => {
    const env = { VESTIBULE_SESSION__STORE: 'memory' }
    const vestibule = await startVestibule({ log: testInfo.outputPath('vestibule.log'), env })
    await use(vestibule.url)
    await vestibule.stop()
  },

  baseURL: async ({ own }, use) => {
    await use(own)
  },
})

async function logIn(app: App, person: Person): Promise<App> {
  await app.visit('/login')
  await app.logIn(person)
  await app.expectLoggedIn()
  return app
}

test('a device is logged out from another one', { tag: '@once' }, async ({ app, member, openApp }) => {
  const other = await logIn(await openApp(), member)
  await app.visit('/account')
  const devices = app.main.getByRole('list', { name: 'Your devices' }).getByRole('listitem')
  await expect(devices).toHaveCount(2)
  for (const device of await devices.all()) {
    await expect(device).toContainText(/Chrome on \w+/)
  }
  await expect(devices.filter({ hasText: 'This device' })).toHaveCount(1)
  await app.main.getByRole('button', { name: /^Log out Chrome on \w+$/ }).click()
  await expect(app.status('The device is logged out.')).toBeVisible()
  await expect(devices).toHaveCount(1)
  if (!other.javaScript) {
    await other.visit('/notes')
  }
  await expect(other.heading('Log in')).toBeVisible()
  await other.expectLoggedOut()
})

test('all devices are logged out at once', { tag: '@once' }, async ({ app, member, openApp }) => {
  const other = await logIn(await openApp(), member)
  await app.visit('/account')
  await app.main.getByRole('button', { name: 'Log out everywhere' }).click()
  await app.expectLoggedOut()
  if (!other.javaScript) {
    await other.visit('/notes')
  }
  await expect(other.heading('Log in')).toBeVisible()
  await other.expectLoggedOut()
})

test('a new password logs out the other devices', { tag: '@once' }, async ({ app, member, openApp }) => {
  const other = await logIn(await openApp(), member)
  await app.visit('/account')
  await app.main.getByLabel('Current password', { exact: true }).fill(member.password)
  await app.main.getByLabel('New password', { exact: true }).fill(`${member.password} anew`)
  await app.main.getByRole('button', { name: 'Change password' }).click()
  await expect(app.status('Password changed.')).toBeVisible()
  await app.expectLoggedIn()
  if (!other.javaScript) {
    await other.visit('/notes')
  }
  await expect(other.heading('Log in')).toBeVisible()
  await other.expectLoggedOut()
})
