import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { App } from '../support/app'
import { expect, test } from '../support/fixtures'
import { sessionEnds } from '../support/lifetime'
import { pictureDirectory } from '../support/path'
import { ada } from '../support/person'

// No picture is compared: they are there to be looked at, in test-results/pictures and in the report.

const WIDTHS = { desk: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } }

/** 1 × 1 pixel. */
const DOT = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`pictures of the ${colorScheme} theme`, { tag: ['@js', '@once'] }, () => {
    test.skip(({ upstream }) => upstream !== 'demo', 'the API that has everything')
    test.use({ colorScheme, contextOptions: { reducedMotion: 'reduce' } })
    test.setTimeout(180_000)

    /** Takes the page as it is, once nothing moves any more, in both widths. */
    async function picture({ page }: App, name: string): Promise<void> {
      for (const [width, size] of Object.entries(WIDTHS)) {
        await page.setViewportSize(size)
        await expect(page.locator('html[data-asking]')).toHaveCount(0)
        await page.evaluate(() => document.fonts.ready)
        const file = path.join(pictureDirectory, `${name}-${width}-${colorScheme}.png`)
        await page.screenshot({ path: file, fullPage: true, animations: 'disabled', caret: 'hide' })
        await test.info().attach(`${name} ${width} ${colorScheme}`, { path: file, contentType: 'image/png' })
      }
      await page.setViewportSize(WIDTHS.desk)
    }

    test.beforeAll(() => mkdir(pictureDirectory, { recursive: true }))

    test('of what a stranger sees', async ({ app, guard, page, baseURL }) => {
      guard.allowStatus(401, 403, 404)
      for (const [address, name] of [
        ['/', 'home'],
        ['/login', 'login'],
        ['/login?return_to=%2Fnotes&ended=1', 'login-ended'],
        ['/signup', 'signup'],
        ['/no-such-page', 'not-found'],
      ] as const) {
        await app.visit(address)
        await picture(app, name)
      }
      await app.visit('/login')
      await app.logIn({ ...ada, password: 'not her password' })
      await expect(app.main.getByRole('alert')).toBeVisible()
      await picture(app, 'login-refused')

      // A form of another site.
      await page.goto('about:blank')
      await page.setContent(`<form method="post" action="${baseURL}/api/logout"><button>Go</button></form>`)
      await page.getByRole('button').click()
      await expect(app.heading('This is not allowed')).toBeVisible()
      await picture(app, 'refused')
    })

    test('of the notes and their states', async ({ app, guard, page, member, send, context }) => {
      guard.allowStatus(503)
      guard.allowNoAnswer()
      expect(member.email).not.toBe('')
      await app.visit('/notes')
      await picture(app, 'notes-empty')
      for (let number = 1; number <= 14; number += 1) {
        const body = 'A few words on it. '.repeat(number % 5)
        await send('POST', '/api/proxy/notes', { json: { title: `Note ${number}`, body } })
      }
      await send('POST', '/api/proxy/notes', { json: { title: 'A-word-without-any-place-to-break-it-'.repeat(4), body: '' } })
      await app.visit('/notes')
      await picture(app, 'notes')
      await app.deleteNote('Note 14')
      await picture(app, 'notes-undo')
      await app.search('nothing like it')
      await expect(app.main.getByText('No note matches')).toBeVisible()
      await picture(app, 'notes-no-match')

      await app.visit('/notes')
      await context.setOffline(true)
      await app.search('note')
      await expect(app.main.getByRole('alert')).toContainText('You are offline.')
      await picture(app, 'notes-offline')
      await context.setOffline(false)

      await page.route('**/api/proxy/notes?*', (route) => route.fulfill({ status: 503, body: '' }))
      await app.visit('/')
      await app.header.getByRole('link', { name: 'Notes' }).click()
      await expect(app.main.getByRole('alert')).toContainText('The service cannot be reached right now.')
      await picture(app, 'notes-trouble')
    })

    test('of a note, its files, and two versions of it', async ({ app, guard, page, member, send }) => {
      guard.allowStatus(412)
      expect(member.email).not.toBe('')
      const text = 'What was to be said.\n\nAnd what else there is.'
      const created = await send('POST', '/api/proxy/notes', { json: { title: 'Plan', body: text } })
      const { id } = (await created.json()) as { id: string }
      await app.visit(`/notes/${id}`)
      await picture(app, 'note')
      await app.main.getByLabel('Add files').setInputFiles([
        { name: 'a picture.png', mimeType: 'image/png', buffer: DOT },
        { name: `${'a-name-that-goes-on-and-on-'.repeat(6)}.pdf`, mimeType: 'application/pdf', buffer: Buffer.alloc(1_234_567) },
        ...['one.txt', 'two.tar.gz', 'three'].map((name) => ({ name, mimeType: 'text/plain', buffer: Buffer.from('three words here') })),
      ])
      await app.main.getByRole('button', { name: 'Upload' }).click()
      await expect(app.main.getByRole('list', { name: 'Attachments' }).getByRole('listitem')).toHaveCount(5)
      await expect(app.main.getByRole('list', { name: 'Uploads' })).toBeHidden()
      await picture(app, 'note-files')

      await send('PATCH', `/api/proxy/notes/${id}`, { json: { title: 'Plan', body: `From the phone. ${text}` } })
      await app.field('Title').fill('My plan')
      await app.main.getByRole('button', { name: 'Save' }).click()
      await expect(app.main.getByRole('region', { name: 'Stored now' })).toBeVisible()
      await page.evaluate(() => scrollTo(0, 0))
      await picture(app, 'note-conflict')
    })

    test('of the account', async ({ app, member, page }) => {
      expect(member.email).not.toBe('')
      await app.visit('/')
      await picture(app, 'home-logged-in')
      await app.visit('/account')
      await picture(app, 'account')
      await sessionEnds(page, { secondsLeft: 100, canBeProlonged: true })
      await expect(page.getByRole('button', { name: 'Stay signed in' })).toBeVisible()
      await picture(app, 'session-ends')
      await sessionEnds(page, { secondsLeft: 90, canBeProlonged: false })
      await expect(page.getByRole('button', { name: 'Log in again' })).toBeVisible()
      await picture(app, 'session-ends-for-good')
    })
  })
}
