import { expect, test } from '../support/fixtures'
import type { App } from '../support/app'

test.describe('a deletion can be undone', { tag: '@js' }, () => {
  test.beforeEach(async ({ app, page, member }) => {
    expect(member.email).not.toBe('')
    await page.clock.install()
    await app.visit('/notes')
  })

  /** The deletions that the page has sent, by path. */
  function deletions(app: App): string[] {
    const sent: string[] = []
    app.page.on('request', (request) => {
      if (request.method() === 'DELETE') {
        sent.push(new URL(request.url()).pathname)
      }
    })
    return sent
  }

  const undo = (app: App) => app.page.getByRole('status').getByRole('button', { name: 'Undo' })

  test('and nothing was sent then', async ({ app, page }) => {
    const sent = deletions(app)
    await app.addNote('Kept after all', 'text')
    await app.deleteNote('Kept after all')
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
    await expect(app.status('Note deleted.')).toBeVisible()
    await undo(app).click()
    await expect(app.note('Kept after all')).toBeVisible()
    await expect(app.status('1 note')).toBeVisible()
    await expect(app.status('Note deleted.')).toBeHidden()
    await page.clock.fastForward(20_000)
    await app.reload()
    await expect(app.note('Kept after all')).toBeVisible()
    expect(sent).toEqual([])
  })

  test('by the keyboard, without losing the place', async ({ app, page }) => {
    await app.addNote('Kept', 'text')
    const button = app.note('Kept').getByRole('button', { name: 'Delete Kept' })
    await button.focus()
    await page.keyboard.press('Enter')
    await expect(undo(app)).toBeFocused()
    await page.keyboard.press('Enter')
    await expect(button).toBeFocused()
  })

  test('until its time is over', async ({ app, page }) => {
    await app.addNote('Goes', 'text')
    const deletion = app.deletion()
    await app.deleteNote('Goes')
    await expect(undo(app)).toBeVisible()
    await page.clock.fastForward(10_000)
    expect((await deletion).ok()).toBe(true)
    await expect(undo(app)).toBeHidden()
    await expect(app.heading('Notes'), 'the focus is not lost with the button').toBeFocused()
    await app.reload()
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
  })

  test('until the next one', async ({ app }) => {
    await app.addNote('First', 'text')
    await app.addNote('Second', 'text')
    const deletion = app.deletion()
    await app.deleteNote('First')
    await app.deleteNote('Second')
    expect((await deletion).ok()).toBe(true)
    await undo(app).click()
    await expect(app.note('Second')).toBeVisible()
    await app.reload()
    await expect(app.notes().getByRole('heading')).toHaveText(['Second'])
  })

  test('until one leaves the page', async ({ app }) => {
    await app.addNote('Goes', 'text')
    const deletion = app.deletion()
    await app.deleteNote('Goes')
    await app.header.getByRole('link', { name: 'Account' }).click()
    await expect(app.heading('Account')).toBeVisible()
    expect((await deletion).ok()).toBe(true)
    await expect(undo(app)).toBeHidden()
    await app.header.getByRole('link', { name: 'Notes' }).click()
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
  })

  test('until one leaves the site', async ({ app, page, send }) => {
    await app.addNote('Goes', 'text')
    await app.deleteNote('Goes')
    await page.goto('about:blank')
    const total = async () => ((await (await send('GET', '/api/proxy/notes')).json()) as { total: number }).total
    await expect.poll(total).toBe(0)
  })

  test('until one reloads the page, which does not show it again', async ({ app, page, guard }) => {
    // The page that comes makes sure of it.
    guard.allowStatus(404)
    await app.addNote('Goes', 'text')
    await app.deleteNote('Goes')
    await app.reload()
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
    await expect(app.note('Goes')).toBeHidden()
    await page.clock.fastForward(5_000)
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
    await app.reload()
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
  })

  test('until one reloads the page, which deletes it when the one before could not', async ({ app, page, guard, send }) => {
    guard.allowStatus(503)
    await app.addNote('Goes', 'text')
    const answers = [503]
    await page.route('**/api/proxy/notes/*', async (route) => {
      const status = route.request().method() === 'DELETE' ? answers.pop() : undefined
      await (status === undefined ? route.continue() : route.fulfill({ status, body: '' }))
    })
    await app.deleteNote('Goes')
    await app.reload()
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
    expect(answers).toEqual([])
    const total = async () => ((await (await send('GET', '/api/proxy/notes')).json()) as { total: number }).total
    await expect.poll(total).toBe(0)
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
  })

  test('until one reloads the page, which tells when the API refuses', async ({ app, page, guard }) => {
    guard.allowStatus(503)
    await app.addNote('Stays', 'text')
    await page.route('**/api/proxy/notes/*', (route) =>
      route.request().method() === 'DELETE' ? route.fulfill({ status: 503, body: '' }) : route.continue(),
    )
    await app.deleteNote('Stays')
    await app.reload()
    await expect(app.note('Stays').getByRole('alert')).toContainText('The service cannot be reached right now.')
    await expect(app.status('The note could not be deleted.')).toBeVisible()
  })

  test('until one logs out', async ({ app, member, send }) => {
    await app.addNote('Goes', 'text')
    await app.deleteNote('Goes')
    await app.logOut()
    const form = { email: member.email, password: member.password, return_to: '/' }
    expect((await send('POST', '/api/login', { form })).status()).toBeLessThan(400)
    await app.visit('/notes')
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
  })

  test('from the page of the note too', async ({ app }) => {
    await app.addNote('Kept', 'text')
    await app.note('Kept').getByRole('link', { name: 'Edit Kept' }).click()
    await expect(app.heading('Edit note')).toBeVisible()
    await app.main.getByRole('button', { name: 'Delete' }).click()
    await expect(app.heading('Notes')).toBeVisible()
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
    await undo(app).click()
    await expect(app.note('Kept')).toBeVisible()
  })

  test('and the note comes back when the API refuses', async ({ app, page, guard }) => {
    guard.allowStatus(503)
    await app.addNote('Stays', 'text')
    await page.route('**/api/proxy/notes/*', (route) =>
      route.request().method() === 'DELETE' ? route.fulfill({ status: 503, body: '' }) : route.continue(),
    )
    await app.deleteNote('Stays')
    await page.clock.fastForward(10_000)
    await expect(app.note('Stays').getByRole('alert')).toContainText('The service cannot be reached right now.')
    await expect(app.status('The note could not be deleted.')).toBeVisible()
    await expect(app.status('1 note')).toBeVisible()
  })
})
