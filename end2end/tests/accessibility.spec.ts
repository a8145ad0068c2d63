import AxeBuilder from '@axe-core/playwright'
import type { App } from '../support/app'
import { expect, test } from '../support/fixtures'
import { sessionEnds } from '../support/lifetime'

/** What axe finds on the page that is open, one line for each rule that is broken. */
async function violations({ page }: App): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  return violations.map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map((node) => node.html).join(', ')})`)
}

/** The page is no wider than the window. */
async function expectNoSideways({ page }: App): Promise<void> {
  const [content, window] = await page.evaluate('[document.documentElement.scrollWidth, innerWidth]') as [number, number]
  expect(content).toBeLessThanOrEqual(window)
}

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in a ${colorScheme} theme`, { tag: ['@js', '@once'] }, () => {
    test.use({ colorScheme })

    test('no public page breaks a rule of accessibility', async ({ app, guard, page }) => {
      guard.allowStatus(404)
      for (const path of ['/', '/login', '/signup', '/login?return_to=%2Fnotes&ended=1', '/no-such-page']) {
        await app.visit(path)
        expect(await violations(app), path).toEqual([])
      }
      await app.visit('/login')
      await app.main.getByRole('button', { name: 'Log in' }).click()
      await expect(page.locator('[aria-invalid=true]').first()).toBeVisible()
      expect(await violations(app), 'a refused form').toEqual([])
    })

    test('no private page breaks a rule of accessibility', async ({ app, member, send }) => {
      expect(member.email).not.toBe('')
      await app.visit('/notes')
      expect(await violations(app), 'no notes').toEqual([])
      const created = await send('POST', '/api/proxy/notes', { json: { title: 'A note', body: 'Its text' } })
      const { id } = (await created.json()) as { id: string }
      for (const path of ['/notes', `/notes/${id}`, '/account', '/']) {
        await app.visit(path)
        expect(await violations(app), path).toEqual([])
      }
    })

    test('no notice of the session\'s end breaks a rule of accessibility', async ({ app, member, page }) => {
      expect(member.email).not.toBe('')
      await app.visit('/notes')
      for (const [canBeProlonged, button] of [[true, 'Stay signed in'], [false, 'Log in again']] as const) {
        await sessionEnds(page, { secondsLeft: 60, canBeProlonged })
        await expect(page.getByRole('button', { name: button })).toBeVisible()
        expect(await violations(app), button).toEqual([])
      }
    })

    test('no note that could not be saved breaks a rule of accessibility', async ({ app, member, page, send, guard }) => {
      guard.allowStatus(503)
      expect(member.email).not.toBe('')
      const created = await send('POST', '/api/proxy/notes', { json: { title: 'A note', body: 'Its text' } })
      const { id } = (await created.json()) as { id: string }
      let refuse = () => {}
      const held = new Promise<void>((resolve) => (refuse = resolve))
      await page.route('**/api/proxy/notes/*', async (route) => {
        if (route.request().method() !== 'PATCH') {
          return route.continue()
        }
        await held
        return route.fulfill({ status: 503, body: '' })
      })
      await app.visit(`/notes/${id}`)
      await app.field('Title').fill('Another title')
      await app.main.getByRole('button', { name: 'Save' }).click()
      await expect(app.note('Another title')).toHaveAttribute('aria-busy', 'true')
      expect(await violations(app), 'while it is saved').toEqual([])
      await app.header.getByRole('link', { name: 'Account' }).click()
      await expect(app.heading('Account')).toBeVisible()
      refuse()
      await expect(app.status('The note could not be saved.')).toBeVisible()
      await app.header.getByRole('link', { name: 'Notes' }).click()
      await expect(app.note('A note').getByRole('alert')).toBeVisible()
      expect(await violations(app), 'when it was refused').toEqual([])
    })
  })
}

test('everything can be done with the keyboard alone', { tag: ['@js', '@once'] }, async ({ app, page, send, member }) => {
  expect((await send('POST', '/api/logout')).status()).toBeLessThan(400)
  await app.visit('/login')
  await app.field('E-mail').focus()
  await page.keyboard.type(member.email)
  await tabTo(app, 'Password')
  await page.keyboard.type(member.password)
  await page.keyboard.press('Enter')
  await expect(app.heading('Notes')).toBeFocused()

  await tabTo(app, 'Title')
  await page.keyboard.type('By hand')
  await tabTo(app, 'Text')
  await page.keyboard.type('without a mouse')
  await tabTo(app, 'Add note')
  await page.keyboard.press('Enter')
  // It is shown at once, but has no links before the API has it: the Tab key would go past it, out of the page.
  await expect(app.note('By hand').getByRole('link', { name: 'Edit By hand' })).toBeVisible()

  await tabTo(app, 'Edit By hand')
  await page.keyboard.press('Enter')
  await expect(app.heading('Edit note')).toBeFocused()
  await tabTo(app, 'Title')
  await page.keyboard.press('End')
  await page.keyboard.type(' and eye')
  await tabTo(app, 'Save')
  await page.keyboard.press('Enter')
  await expect(app.note('By hand and eye')).toBeVisible()
  await expect(app.note('By hand and eye')).not.toHaveAttribute('aria-busy')

  await tabTo(app, 'Delete By hand and eye')
  await page.keyboard.press('Enter')
  await expect(app.note('By hand and eye')).toBeHidden()
})

/** Presses Tab until what has this label or name has the focus. */
async function tabTo(app: App, name: string): Promise<void> {
  const focused = app.page.locator(':focus')
  for (let step = 0; step < 40; step += 1) {
    await app.page.keyboard.press('Tab')
    const label = await focused.evaluate((element) => {
      const field = element as HTMLInputElement
      return (element.getAttribute('aria-label') ?? field.labels?.[0]?.textContent ?? element.textContent ?? '').trim()
    })
    if (label === name) {
      return
    }
  }
  throw new Error(`The Tab key does not reach “${name}”.`)
}

for (const width of [320, 390]) {
  test(`on a phone of ${width} pixels nothing is wider than the screen`, { tag: '@once' }, async ({ openApp, member, context, guard, send }) => {
    guard.allowStatus(404)
    expect(member.email).not.toBe('')
    const long = 'a-word-without-any-place-to-break-it-'.repeat(5).slice(0, 190)
    expect((await send('POST', '/api/proxy/notes', { json: { title: long, body: long } })).status()).toBe(201)
    const [stranger, person] = [await openApp(), await openApp({ cookiesOf: context })]
    for (const [app, paths] of [
      [stranger, ['/', '/login', '/signup', '/no-such-page']],
      [person, ['/', '/notes', '/account']],
    ] as const) {
      await app.page.setViewportSize({ width, height: 800 })
      for (const path of paths) {
        await app.visit(path)
        await expectNoSideways(app)
      }
    }
  })
}
