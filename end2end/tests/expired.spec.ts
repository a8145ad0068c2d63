import { sessionCookies } from '../support/cookie'
import { expect, test } from '../support/fixtures'
import { sessionIsOver } from '../support/lifetime'
import { ada, adasNote, grace, gracesNote } from '../support/person'

test.use({ life: 'short' })

test('a page load after the token\'s end leads to the log-in, and back', { tag: ['@core', '@expiry'] }, async ({ app, page, context }) => {
  await app.visit('/login?return_to=%2Fnotes')
  await app.logIn(ada)
  await expect(app.heading('Notes')).toBeVisible()
  await expect(app.note(adasNote)).toBeVisible()
  // A page that knows when its session ends would say so by itself.
  await page.goto('about:blank')
  await sessionIsOver(page)

  await app.visit('/notes?q=note')
  await expect(app.heading('Log in')).toBeVisible()
  await expect(app.status('Your session has ended. Log in again to go on.')).toBeVisible()
  await app.expectLoggedOut()
  expect(new URL(page.url()).searchParams.get('return_to')).toBe('/notes?q=note')
  expect(await page.content()).not.toContain(adasNote)
  expect(await sessionCookies(context)).toEqual([])

  await app.logIn(ada)
  await app.expectPath('/notes?q=note')
  await expect(app.heading('Notes')).toBeVisible()
  await expect(app.note(adasNote)).toBeVisible()
})

test('a click after the token\'s end leads to the log-in, and back', { tag: '@js' }, async ({ app, page, context, guard }) => {
  guard.allowStatus(401)
  await app.visit('/login?return_to=%2Fnotes')
  await app.logIn(grace)
  await expect(app.note(gracesNote)).toBeVisible()
  await sessionIsOver(page)

  // A page that does not know when its session ends searches while one types.
  const stays = await app.heading('Notes').isVisible()
  await (stays ? app.searchField().fill('compiler') : Promise.resolve())
  await expect(app.heading('Log in')).toBeVisible()
  await expect(app.status('Your session has ended. Log in again to go on.')).toBeVisible()
  await app.expectLoggedOut()
  expect(new URL(page.url()).searchParams.get('return_to')).toMatch(/^\/notes(\?q=compiler)?$/)
  await expect(page.getByText(gracesNote)).toBeHidden()
  expect(await sessionCookies(context)).toEqual([])

  await app.logIn(grace)
  await expect(app.heading('Notes')).toBeVisible()
  await expect(app.note(gracesNote)).toBeVisible()
})

test('a form sent after the token\'s end leads to the log-in', async ({ app, page, guard }) => {
  guard.allowStatus(401)
  await app.visit('/login?return_to=%2Fnotes')
  await app.logIn(grace)
  await expect(app.heading('Notes')).toBeVisible()
  await app.ready()
  await sessionIsOver(page)
  if (await app.heading('Notes').isVisible()) {
    await app.field('Title').fill('Too late')
    await app.field('Text').fill('to be saved')
    await app.main.getByRole('button', { name: 'Add note' }).click()
  }
  await expect(app.heading('Log in')).toBeVisible()
  await app.expectLoggedOut()
})
