import { expect, test } from '../support/fixtures'

test.describe('the notes say how they are', { tag: '@js' }, () => {
  test('while they are loading', async ({ app, page, member }) => {
    expect(member.email).not.toBe('')
    let answer = () => {}
    const held = new Promise<void>((resolve) => (answer = resolve))
    await page.route('**/api/proxy/notes?*', async (route) => {
      await held
      await route.continue()
    })
    await app.visit('/')
    await app.header.getByRole('link', { name: 'Notes' }).click()
    await expect(app.heading('Notes')).toBeVisible()
    await expect(app.main.getByText('Loading…')).toBeVisible()
    answer()
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
    await expect(app.main.getByText('Loading…')).toBeHidden()
  })

  test('when the API fails, and try again', async ({ app, page, member, guard }) => {
    guard.allowStatus(503)
    expect(member.email).not.toBe('')
    await page.route('**/api/proxy/notes?*', (route) => route.fulfill({ status: 503, body: '' }))
    await app.visit('/')
    await app.header.getByRole('link', { name: 'Notes' }).click()
    await expect(app.main.getByRole('alert')).toContainText('The service cannot be reached right now.')
    await page.unroute('**/api/proxy/notes?*')
    await app.main.getByRole('link', { name: 'Try again' }).click()
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
    await expect(app.main.getByRole('alert')).toBeHidden()
  })

  test('when one is offline, and find back by themselves', async ({ app, context, member, guard }) => {
    guard.allowNoAnswer()
    expect(member.email).not.toBe('')
    await app.visit('/notes')
    await app.addNote('Seen before', 'text')
    await context.setOffline(true)
    await app.search('before')
    await expect(app.main.getByRole('alert')).toContainText('You are offline.')
    await expect(app.note('Seen before'), 'what was there stays').toBeVisible()
    await app.main.getByRole('link', { name: 'Try again' }).click()
    await expect(app.main.getByRole('alert')).toContainText('You are offline.')
    await context.setOffline(false)
    await expect(app.main.getByRole('alert')).toBeHidden()
    await expect(app.status('1 note matches “before”')).toBeVisible()
  })
})
