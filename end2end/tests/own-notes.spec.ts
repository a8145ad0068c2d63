import { expect, test } from '../support/fixtures'
import { ada, grace, unique } from '../support/person'

test('two people at once each see their own notes alone', { tag: ['@core', '@own'] }, async ({ app, openApp, guard }) => {
  // Grace asks for Ada's note below.
  guard.allowStatus(404)
  const graces = await openApp()
  const title = unique('Only Ada')
  await app.visit('/login?return_to=%2Fnotes')
  await graces.visit('/login?return_to=%2Fnotes')
  await app.logIn(ada)
  await graces.logIn(grace)
  await expect(app.heading('Notes')).toBeVisible()
  await expect(graces.heading('Notes')).toBeVisible()
  await app.addNote(title, 'A private thought')

  await graces.reload()
  await expect(graces.notes().first()).toBeVisible()
  await expect(graces.page.getByText(title)).toBeHidden()
  await graces.search(title)
  await expect(graces.main.getByText(`No note matches “${title}”.`)).toBeVisible()

  const path = await app.note(title).getByRole('link', { name: title, exact: true }).getAttribute('href')
  const response = await graces.visit(path!)
  expect(response?.status()).toBe(404)
  await expect(graces.heading('Page not found')).toBeVisible()
  expect(await graces.page.content()).not.toContain('A private thought')

  const raw = await graces.page.request.get(`/api/proxy${path}`, { headers: { 'sec-fetch-site': 'same-origin' } })
  expect(raw.status()).toBe(404)

  await app.reload()
  await app.search(title)
  await expect(app.note(title)).toContainText('A private thought')
  await app.note(title).getByRole('button', { name: `Delete ${title}` }).click()
  await expect(app.note(title)).toBeHidden()
})
