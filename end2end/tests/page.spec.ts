import { expect, test } from '../support/fixtures'

test('each public page has its title and its heading', async ({ app, page }) => {
  for (const [path, title, heading] of [
    ['/login', 'Log in · Vestibule', 'Log in'],
    ['/signup', 'Sign up · Vestibule', 'Sign up'],
  ] as const) {
    const response = await app.visit(path)
    expect(response?.status()).toBe(200)
    await expect(page).toHaveTitle(title)
    await expect(app.heading(heading)).toBeVisible()
  }
  await app.visit('/')
  await expect(page).toHaveTitle('Vestibule')
  await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1)
  await expect(app.header.getByRole('link', { name: 'Vestibule' })).toHaveAttribute('href', '/')
})

test('each private page has its title and its heading', async ({ app, page, member, send }) => {
  expect(member.email).not.toBe('')
  const created = await send('POST', '/api/proxy/notes', { json: { title: 'A note', body: '' } })
  const { id } = (await created.json()) as { id: string }
  for (const [path, title, heading] of [
    ['/notes', 'Notes · Vestibule', 'Notes'],
    [`/notes/${id}`, 'Edit note · Vestibule', 'Edit note'],
    ['/account', 'Account · Vestibule', 'Account'],
  ] as const) {
    const response = await app.visit(path)
    expect(response?.status()).toBe(200)
    await expect(page).toHaveTitle(title)
    await expect(app.heading(heading)).toBeVisible()
  }
})

test('an address that leads nowhere is a 404 in the design of the site', async ({ app, page, guard }) => {
  guard.allowStatus(404)
  for (const path of ['/no-such-page', '/notes-and-more/1', '/login/nothing']) {
    const response = await app.visit(path)
    expect(response?.status(), path).toBe(404)
    await expect(page).toHaveTitle('Not found · Vestibule')
    await expect(app.heading('Page not found')).toBeVisible()
    await expect(app.header.getByRole('link', { name: 'Vestibule' })).toBeVisible()
  }
})

test('a note that does not exist is a 404', async ({ app, guard, member }) => {
  expect(member.email).not.toBe('')
  guard.allowStatus(404)
  const response = await app.visit('/notes/00000000-0000-4000-8000-000000000000')
  expect(response?.status()).toBe(404)
  await expect(app.heading('Page not found')).toBeVisible()
  await app.expectLoggedIn()
})

test('the keyboard reaches the content first', async ({ app, page }) => {
  await app.visit('/')
  await page.keyboard.press('Tab')
  const skip = page.getByRole('link', { name: 'Skip to content' })
  await expect(skip).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/#main$/)
})
