import { readdir } from 'node:fs/promises'
import path from 'node:path'
import type { Page } from '@playwright/test'
import type { App } from '../support/app'
import { expect, test } from '../support/fixtures'
import { stranger, unique } from '../support/person'
import { siteRoot } from '../support/vestibule'

/** Fails as soon as the tab has loaded another document than the present one. */
async function sameDocument(page: Page): Promise<{ check(step: string): Promise<void> }> {
  const loads: string[] = []
  page.on('request', (request) => {
    if (request.isNavigationRequest() && request.frame() === page.mainFrame()) {
      loads.push(request.url())
    }
  })
  await page.evaluate(() => Object.assign(window, { marker: 'still here' }))
  return {
    async check(step) {
      expect(loads, step).toEqual([])
      expect(await page.evaluate('window.marker'), step).toBe('still here')
    },
  }
}

/** Links within the site that a person would click: not those that say that they download or leave. */
async function internalLinks(app: App): Promise<string[]> {
  const links = app.page.locator('a[href^="/"]:not([download], [target], [rel~=external])')
  return [...new Set(await links.evaluateAll((anchors) => anchors.map((anchor) => anchor.getAttribute('href')!)))]
}

/** Where a private link takes somebody who is not logged in. */
function forStranger(href: string): string {
  return /^\/(notes|account)/.test(href) ? `/login?return_to=${encodeURIComponent(href)}` : href
}

async function followAllLinks(app: App, path: string, heading: RegExp, goal = (href: string) => href): Promise<void> {
  await app.visit(path)
  const title = app.page.getByRole('heading', { level: 1, name: heading })
  await expect(title).toBeVisible()
  const document = await sameDocument(app.page)
  const links = await internalLinks(app)
  expect(links.length).toBeGreaterThan(2)
  for (const href of links) {
    await app.page.locator(`a[href="${href}"]`).first().click()
    await app.expectPath(goal(href))
    await document.check(`${href} from ${path}`)
    if (href !== path) {
      await app.page.goBack()
      await app.expectPath(path)
      await expect(title).toBeVisible()
      await document.check(`back from ${href} to ${path}`)
    }
  }
}

test.describe('once awake, the document is never loaded again', { tag: '@js' }, () => {
  test('by any link of a stranger', async ({ app }) => {
    await followAllLinks(app, '/', /./, forStranger)
    await followAllLinks(app, '/signup', /^Sign up$/, forStranger)
  })

  test('by any link of somebody who is logged in', async ({ app, member, send }) => {
    expect(member.email).not.toBe('')
    expect((await send('POST', '/api/proxy/notes', { json: { title: 'A note', body: '' } })).status()).toBe(201)
    await followAllLinks(app, '/', /./)
    await followAllLinks(app, '/notes', /^Notes$/)
    await followAllLinks(app, '/account', /^Account$/)
  })

  test('by any form', async ({ app, page, guard }) => {
    guard.allowStatus(401)
    const person = stranger()
    const title = unique('Form')
    await app.visit('/')
    const document = await sameDocument(page)

    await app.header.getByRole('link', { name: 'Sign up' }).click()
    await expect(app.heading('Sign up')).toBeVisible()
    await app.signUp(person)
    await expect(app.heading('Notes')).toBeVisible()
    await document.check('sign up')

    await app.addNote(title, 'text')
    await document.check('add a note')

    await app.search(title)
    await expect.poll(() => app.path()).toContain('?q=')
    await expect(app.note(title)).toBeVisible()
    await document.check('search')

    await app.note(title).getByRole('link', { name: `Edit ${title}` }).click()
    await expect(app.heading('Edit note')).toBeVisible()
    await app.field('Title').fill(`${title} again`)
    await app.main.getByRole('button', { name: 'Save' }).click()
    await expect(app.note(`${title} again`)).toBeVisible()
    await document.check('save a note')

    await app.note(`${title} again`).getByRole('button', { name: `Delete ${title} again` }).click()
    await expect(app.note(`${title} again`)).toBeHidden()
    await document.check('delete a note')

    await app.logOut()
    await document.check('log out')

    await app.header.getByRole('link', { name: 'Log in' }).click()
    await app.logIn({ ...person, password: 'not the password' })
    await expect(app.main.getByRole('alert')).toBeVisible()
    await document.check('log in with a wrong password')

    await app.logIn(person)
    await app.expectLoggedIn()
    await document.check('log in')
  })

  test('by a private link that asks to log in first', async ({ app, page, member, send }) => {
    expect((await send('POST', '/api/logout')).status()).toBeLessThan(400)
    await app.visit('/')
    const document = await sameDocument(page)
    await app.header.getByRole('link', { name: 'Notes' }).click()
    await expect(app.heading('Log in')).toBeVisible()
    await app.logIn(member)
    await expect(app.heading('Notes')).toBeVisible()
    await app.expectPath('/notes')
    await document.check('log in on the way')
  })
})

test('a line on top tells that the code of a page is on its way', { tag: '@js' }, async ({ app, page }) => {
  const files = await readdir(path.join(siteRoot(), 'pkg'))
  test.skip(files.filter((name) => name.endsWith('.wasm')).length < 2, 'this build has all code in one file')
  await app.visit('/login')
  const line = page.locator('html[data-asking]')
  await expect(line).toHaveCount(0)
  let arrive = () => {}
  const onItsWay = new Promise<void>((resolve) => (arrive = resolve))
  await page.route('**/*.wasm', async (route) => {
    await onItsWay
    await route.continue()
  })
  await app.header.getByRole('link', { name: 'Sign up' }).click()
  await expect(line).toHaveCount(1)
  arrive()
  await expect(app.heading('Sign up')).toBeVisible()
  await expect(line).toHaveCount(0)
})
