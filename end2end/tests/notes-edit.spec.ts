import type { Page } from '@playwright/test'
import { expect, test } from '../support/fixtures'
import type { App } from '../support/app'

test.describe('a saved note is shown at once', { tag: '@js' }, () => {
  test.beforeEach(async ({ app, member, send }) => {
    expect(member.email).not.toBe('')
    await send('POST', '/api/proxy/notes', { json: { title: 'Old', body: 'old text' } })
    await send('POST', '/api/proxy/notes', { json: { title: 'Other', body: '' } })
    await app.visit('/notes')
  })

  async function edit(app: App): Promise<void> {
    await app.note('Old').getByRole('link', { name: 'Edit Old' }).click()
    await expect(app.heading('Edit note')).toBeVisible()
    await app.field('Title').fill('New')
    await app.field('Text').fill('new text')
    await app.main.getByRole('button', { name: 'Save' }).click()
  }

  /** Holds the calls that change a note, until they may go on. */
  async function hold(page: Page, then: { status: number } | 'continue'): Promise<() => void> {
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    await page.route('**/api/proxy/notes/*', async (route) => {
      if (route.request().method() !== 'PATCH') {
        return route.continue()
      }
      await held
      return then === 'continue' ? route.continue() : route.fulfill({ status: then.status, body: '' })
    })
    return release
  }

  test('before the API has it', async ({ app, page }) => {
    const release = await hold(page, 'continue')
    await edit(app)
    await expect(app.heading('Notes')).toBeVisible()
    await expect(app.note('New')).toContainText('new text')
    await expect(app.note('New')).toHaveAttribute('aria-busy', 'true')
    await expect(app.note('Old')).toBeHidden()
    await expect(app.notes().getByRole('heading')).toHaveText(['New', 'Other'])
    await expect(app.status('Note saved.')).toBeHidden()
    release()
    await expect(app.status('Note saved.')).toBeVisible()
    await expect(app.note('New')).not.toHaveAttribute('aria-busy')
    await expect(app.notes().getByRole('heading')).toHaveText(['New', 'Other'])
    await app.reload()
    await expect(app.note('New')).toContainText('new text')
  })

  test('before the list is there', async ({ app, page }) => {
    await app.note('Old').getByRole('link', { name: 'Edit Old' }).click()
    // The list has a field "Title" as well.
    await expect(app.heading('Edit note')).toBeVisible()
    await app.field('Title').fill('New')
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    await page.route('**/api/proxy/notes?*', async (route) => {
      await held
      await route.continue()
    })
    const patch = await hold(page, 'continue')
    await app.main.getByRole('button', { name: 'Save' }).click()
    await expect(app.note('New')).toContainText('Saving…')
    patch()
    release()
    await expect(app.notes().getByRole('heading')).toHaveText(['New', 'Other'])
    await expect(app.note('New')).not.toHaveAttribute('aria-busy')
  })

  test('and given back to its editor when the API refuses', async ({ app, page, guard }) => {
    guard.allowStatus(503)
    const release = await hold(page, { status: 503 })
    await edit(app)
    await expect(app.note('New')).toBeVisible()
    release()
    await expect(app.heading('Edit note')).toBeVisible()
    await expect(app.main.getByRole('alert')).toContainText('The service cannot be reached right now.')
    await expect(app.field('Title')).toHaveValue('New')
    await expect(app.field('Text')).toHaveValue('new text')
    await page.unroute('**/api/proxy/notes/*')
    await app.main.getByRole('link', { name: 'Cancel' }).click()
    await expect(app.note('Old')).toContainText('old text')
    await expect(app.note('New')).toBeHidden()
  })

  test('and waits for who has gone elsewhere when the API refuses', async ({ app, page, guard }) => {
    guard.allowStatus(503)
    const release = await hold(page, { status: 503 })
    await edit(app)
    await expect(app.note('New')).toBeVisible()
    await app.header.getByRole('link', { name: 'Account' }).click()
    await expect(app.heading('Account')).toBeVisible()
    release()
    await expect(app.status('The note could not be saved.')).toBeVisible()
    await expect(app.heading('Account')).toBeVisible()
    await app.header.getByRole('link', { name: 'Notes' }).click()
    await expect(app.note('Old').getByRole('alert')).toContainText('The service cannot be reached right now.')
    await page.unroute('**/api/proxy/notes/*')
    await app.note('Old').getByRole('link', { name: 'Go on with what you typed' }).click()
    await expect(app.field('Text')).toHaveValue('new text')
    await app.main.getByRole('button', { name: 'Save' }).click()
    await expect(app.status('Note saved.')).toBeVisible()
    await expect(app.note('New')).toContainText('new text')
  })
})
