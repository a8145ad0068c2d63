import type { Page } from '@playwright/test'
import { expect, test } from '../support/fixtures'

const EVENTS = '/api/proxy/events'

/** Headless tabs all believe to be seen. */
async function setHidden(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden })
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
  }, hidden)
}

test.describe('what another device does shows at once', { tag: '@js' }, () => {
  test.skip(({ upstream }) => upstream !== 'demo', 'this API tells of no changes')

  test('when a note is added, changed and deleted', async ({ app, page, member, send }) => {
    expect(member.email).not.toBe('')
    const opened = page.waitForResponse((response) => response.url().endsWith(EVENTS))
    await app.visit('/notes')
    expect((await opened).status()).toBe(200)
    await expect(app.main.getByText('No notes yet.')).toBeVisible()

    const created = await send('POST', '/api/proxy/notes', { json: { title: 'From afar', body: 'one' } })
    const { id } = (await created.json()) as { id: string }
    await expect(app.note('From afar')).toContainText('one')
    await app.note('From afar').getByRole('link', { name: 'Edit' }).focus()
    expect((await send('POST', '/api/proxy/notes', { json: { title: 'Another', body: '' } })).status()).toBe(201)
    await expect(app.notes().getByRole('heading')).toHaveText(['Another', 'From afar'])
    await expect(app.note('From afar').getByRole('link', { name: 'Edit' }), 'the focus stays').toBeFocused()

    await send('PATCH', `/api/proxy/notes/${id}`, { json: { body: 'two' } })
    await expect(app.note('From afar')).toContainText('two')
    await send('DELETE', `/api/proxy/notes/${id}`)
    await expect(app.note('From afar')).toBeHidden()
    await expect(app.status('1 note')).toBeVisible()
  })

  test('and when one comes back to the tab', async ({ app, page, member, send }) => {
    expect(member.email).not.toBe('')
    await app.visit('/notes')
    const closed = page.waitForEvent('requestfailed', (request) => request.url().endsWith(EVENTS))
    await setHidden(page, true)
    await closed
    expect((await send('POST', '/api/proxy/notes', { json: { title: 'Meanwhile', body: '' } })).status()).toBe(201)
    const reopened = page.waitForRequest((request) => request.url().endsWith(EVENTS))
    await setHidden(page, false)
    await reopened
    await expect(app.note('Meanwhile')).toBeVisible()
  })

  test('and the connection is closed with the page', async ({ app, page, member }) => {
    expect(member.email).not.toBe('')
    await app.visit('/notes')
    const closed = page.waitForEvent('requestfailed', (request) => request.url().endsWith(EVENTS))
    await app.header.getByRole('link', { name: 'Account' }).click()
    await closed
    await expect(app.heading('Account')).toBeVisible()
  })
})

test('an API without events is not asked for them', { tag: '@js' }, async ({ app, page, member, upstream }) => {
  test.skip(upstream === 'demo', 'this API has them')
  expect(member.email).not.toBe('')
  const asked: string[] = []
  page.on('request', (request) => asked.push(new URL(request.url()).pathname))
  await app.visit('/notes')
  await app.addNote('Alone', 'text')
  expect(asked).not.toContain(EVENTS)
})
