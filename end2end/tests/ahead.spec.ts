import type { Page } from '@playwright/test'
import { expect, test } from '../support/fixtures'

/** The calls to the API's notes that the page makes, by path. */
function calls(page: Page): string[] {
  const made: string[] = []
  page.on('request', (request) => {
    const { pathname } = new URL(request.url())
    if (pathname.startsWith('/api/proxy/notes')) {
      made.push(pathname.slice('/api/proxy'.length))
    }
  })
  return made
}

test.describe('the data of a page is asked for', { tag: '@js' }, () => {
  test('while somebody points at its link, and not again', async ({ app, page, member }) => {
    expect(member.email).not.toBe('')
    await app.visit('/')
    const made = calls(page)
    const link = app.header.getByRole('link', { name: 'Notes' })
    await link.hover()
    await expect.poll(() => made).toEqual(['/notes'])
    await expect(app.heading('Notes')).toBeHidden()
    await link.click()
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
    expect(made).toEqual(['/notes'])
  })

  test('while its link has the focus, and not again', async ({ app, page, member }) => {
    expect(member.email).not.toBe('')
    await app.visit('/account')
    const made = calls(page)
    await app.header.getByRole('link', { name: 'Notes' }).focus()
    await expect.poll(() => made).toEqual(['/notes'])
    await page.keyboard.press('Enter')
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
    expect(made).toEqual(['/notes'])
  })

  test('once by a click without aiming', async ({ app, page, member }) => {
    expect(member.email).not.toBe('')
    await app.visit('/')
    const made = calls(page)
    await app.header.getByRole('link', { name: 'Notes' }).dispatchEvent('click')
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
    expect(made).toEqual(['/notes'])
  })

  test('of a note with its files', async ({ app, page, member, send, upstream }) => {
    expect(member.email).not.toBe('')
    const created = await send('POST', '/api/proxy/notes', { json: { title: 'A note', body: 'Its text' } })
    const { id } = (await created.json()) as { id: string }
    const data = upstream === 'demo' ? [`/notes/${id}`, `/notes/${id}/attachments`] : [`/notes/${id}`]
    await app.visit('/notes')
    const made = calls(page)
    await app.note('A note').getByRole('link', { name: 'Edit A note' }).hover()
    await expect.poll(() => [...made].sort()).toEqual(data)
    await app.note('A note').getByRole('link', { name: 'Edit A note' }).click()
    await expect(app.field('Text')).toHaveValue('Its text')
    expect([...made].sort()).toEqual(data)
  })

  test('anew when something has changed since', async ({ app, page, member }) => {
    expect(member.email).not.toBe('')
    await app.visit('/account')
    const made = calls(page)
    const link = app.header.getByRole('link', { name: 'Notes' })
    await link.hover()
    await expect.poll(() => made).toEqual(['/notes'])
    // Whatever is sent may change what the API would answer.
    await app.page.getByRole('button', { name: 'Dark' }).click()
    await link.click()
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
    expect(made).toEqual(['/notes', '/notes'])
  })

  test('anew when that failed', async ({ app, page, member, guard }) => {
    guard.allowStatus(503)
    expect(member.email).not.toBe('')
    await page.route('**/api/proxy/notes?*', (route) => route.fulfill({ status: 503, body: '' }), { times: 1 })
    await app.visit('/')
    const made = calls(page)
    const link = app.header.getByRole('link', { name: 'Notes' })
    await link.hover()
    await expect.poll(() => made).toEqual(['/notes'])
    await link.click()
    await expect(app.main.getByText('No notes yet.')).toBeVisible()
  })

  test('by nobody who saves data, or is not logged in', async ({ app, page, member, openApp }) => {
    expect(member.email).not.toBe('')
    await page.addInitScript(() => Object.defineProperty(navigator, 'connection', { value: { saveData: true } }))
    const stranger = await openApp()
    for (const tab of [app, stranger]) {
      await tab.visit('/')
      const made = calls(tab.page)
      const link = tab.header.getByRole('link', { name: 'Notes' })
      await link.hover()
      // Longer than anybody has to aim: what is not asked for cannot be waited for.
      await tab.page.waitForTimeout(500)
      expect(made).toEqual([])
      await link.click()
      await expect(tab.page.getByRole('heading', { level: 1, name: /^(Notes|Log in)$/ })).toBeVisible()
    }
  })
})
