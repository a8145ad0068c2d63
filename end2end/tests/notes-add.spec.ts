import { expect, test } from '../support/fixtures'

test.describe('a note is there before the API has it', { tag: '@js' }, () => {
  test.beforeEach(async ({ app, member }) => {
    expect(member.email).not.toBe('')
    await app.visit('/notes')
  })

  test('and is replaced by the API\'s', async ({ app, page }) => {
    let answer = () => {}
    const held = new Promise<void>((resolve) => (answer = resolve))
    await page.route('**/api/proxy/notes', async (route) => {
      await held
      await route.continue()
    })
    await app.field('Title').fill('Early')
    await app.field('Text').fill('bird')
    await app.main.getByRole('button', { name: 'Add note' }).click()
    await expect(app.note('Early')).toContainText('bird')
    await expect(app.note('Early')).toHaveAttribute('aria-busy', 'true')
    await expect(app.main.getByText('No notes yet.')).toBeHidden()
    await expect(app.field('Title')).toHaveValue('')
    answer()
    await expect(app.note('Early').getByRole('link', { name: 'Edit Early' })).toBeVisible()
    await expect(app.note('Early')).not.toHaveAttribute('aria-busy')
    await expect(app.notes()).toHaveCount(1)
  })

  test('and goes back into the form when the API refuses', async ({ app, page, guard }) => {
    guard.allowStatus(503)
    await page.route('**/api/proxy/notes', (route) => route.fulfill({ status: 503, body: '' }))
    await app.field('Title').fill('Lost?')
    await app.field('Text').fill('by no means')
    await app.main.getByRole('button', { name: 'Add note' }).click()
    await expect(app.main.getByRole('alert')).toContainText('The service cannot be reached right now.')
    await expect(app.field('Title')).toHaveValue('Lost?')
    await expect(app.field('Text')).toHaveValue('by no means')
    await expect(app.notes()).toHaveCount(0)
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
  })
})
