import type { App } from '../support/app'
import { expect, test } from '../support/fixtures'

// Without an ETag the last one to save wins, and nobody is asked.
test.skip(({ upstream }) => upstream !== 'demo', 'this API has no ETag')

test.beforeEach(({ guard }) => guard.allowStatus(412))

/** Opens a note, has another device save it, and saves it here. */
async function collide(app: App, send: (method: 'GET' | 'POST' | 'PATCH', path: string, body: { json: object }) => Promise<{ json(): Promise<unknown> }>) {
  const created = await send('POST', '/api/proxy/notes', { json: { title: 'Plan', body: 'old' } })
  const { id } = (await created.json()) as { id: string }
  await app.visit(`/notes/${id}`)
  await send('PATCH', `/api/proxy/notes/${id}`, { json: { title: 'Plan', body: 'from the phone' } })
  await app.field('Title').fill('My plan')
  await app.field('Text').fill('from the desk')
  await app.main.getByRole('button', { name: 'Save' }).click()
  await expect(app.main.getByRole('alert')).toContainText('changed elsewhere')
  await app.ready()
  const theirs = app.main.getByRole('region', { name: 'Stored now' })
  await expect(theirs).toContainText('from the phone')
  await expect(app.field('Title')).toHaveValue('My plan')
  await expect(app.field('Text')).toHaveValue('from the desk')
  return theirs
}

test('two versions of a note are shown, and one keeps the own', async ({ app, member, send }) => {
  expect(member.email).not.toBe('')
  const theirs = await collide(app, send)
  await theirs.getByRole('button', { name: 'Keep mine' }).click()
  await expect(app.heading('Notes')).toBeVisible()
  await expect(app.note('My plan')).toContainText('from the desk')
  await expect(app.notes()).toHaveCount(1)
})

test('two versions of a note are shown, and one takes the other', async ({ app, member, send }) => {
  expect(member.email).not.toBe('')
  const theirs = await collide(app, send)
  await theirs.getByRole('button', { name: 'Take theirs' }).click()
  await expect(app.field('Text')).toHaveValue('from the phone')
  await expect(app.field('Title')).toHaveValue('Plan')
  await expect(app.main.getByRole('alert')).toBeHidden()
  await app.ready()
  await app.field('Text').fill('from the phone, and the desk')
  await app.main.getByRole('button', { name: 'Save' }).click()
  await expect(app.heading('Notes')).toBeVisible()
  await expect(app.note('Plan')).toContainText('from the phone, and the desk')
})

test('what was typed before a log-in replaces no version saved meanwhile', async ({ app, member, send, guard }) => {
  guard.allowStatus(401)
  const created = await send('POST', '/api/proxy/notes', { json: { title: 'Plan', body: 'old' } })
  const { id } = (await created.json()) as { id: string }
  await app.visit(`/notes/${id}`)
  await app.field('Title').fill('My plan')
  await app.field('Text').fill('from the desk')
  await send('PATCH', `/api/proxy/notes/${id}`, { json: { title: 'Plan', body: 'from the phone' } })
  // With JavaScript the page hears of it, and leaves by itself.
  expect((await send('POST', '/api/logout')).status()).toBeLessThan(400)
  if (!app.javaScript) {
    await app.main.getByRole('button', { name: 'Save' }).click()
  }
  await expect(app.heading('Log in')).toBeVisible()
  await app.logIn(member)
  await expect(app.field('Title')).toHaveValue('My plan')
  await expect(app.field('Text')).toHaveValue('from the desk')

  await app.main.getByRole('button', { name: 'Save' }).click()
  await expect(app.main.getByRole('alert')).toContainText('changed elsewhere')
  const theirs = app.main.getByRole('region', { name: 'Stored now' })
  await expect(theirs).toContainText('from the phone')
  await expect(app.field('Text')).toHaveValue('from the desk')
  await app.ready()
  await theirs.getByRole('button', { name: 'Keep mine' }).click()
  await expect(app.heading('Notes')).toBeVisible()
  await expect(app.note('My plan')).toContainText('from the desk')
})

test('what could not be saved at first replaces no version saved meanwhile', { tag: '@js' }, async ({ app, page, member, send, guard }) => {
  guard.allowStatus(503)
  expect(member.email).not.toBe('')
  const created = await send('POST', '/api/proxy/notes', { json: { title: 'Plan', body: 'old' } })
  const { id } = (await created.json()) as { id: string }
  await app.visit(`/notes/${id}`)
  await app.field('Text').fill('from the desk')
  await page.route('**/api/proxy/notes/*', (route) =>
    route.request().method() === 'PATCH' ? route.fulfill({ status: 503, body: '' }) : route.continue(),
  )
  await app.main.getByRole('button', { name: 'Save' }).click()
  await send('PATCH', `/api/proxy/notes/${id}`, { json: { title: 'Plan', body: 'from the phone' } })
  await expect(app.heading('Edit note')).toBeVisible()
  await expect(app.field('Text')).toHaveValue('from the desk')
  await page.unroute('**/api/proxy/notes/*')
  await app.main.getByRole('button', { name: 'Save' }).click()
  await expect(app.main.getByRole('region', { name: 'Stored now' })).toContainText('from the phone')
  await expect(app.field('Text')).toHaveValue('from the desk')
})
