import { expect, test } from '../support/fixtures'

/** How often the page has begun a view transition. */
const BEGUN = 'window.begun'

test.describe('pages blend', { tag: ['@js', '@once'] }, () => {
  test.beforeEach(async ({ page }) => {
    await page.addInitScript(() => {
      const counter = window as unknown as { begun: number }
      counter.begun = 0
      const start = document.startViewTransition.bind(document)
      document.startViewTransition = ((update: () => Promise<void>) => {
        counter.begun += 1
        return start(update)
      }) as typeof document.startViewTransition
    })
  })

  test('when one follows a link', async ({ app, page }) => {
    await app.visit('/')
    await app.header.getByRole('link', { name: 'Sign up' }).click()
    await expect(app.heading('Sign up')).toBeFocused()
    expect(await page.evaluate(BEGUN)).toBe(1)
    await app.expectPath('/signup')
    await page.goBack()
    await app.expectPath('/')
  })

  test('and stand it when one does not wait', async ({ app, page }) => {
    await app.visit('/')
    // An exception or an unhandled rejection fails the test.
    await page.evaluate(() => {
      const links = [...document.querySelectorAll<HTMLElement>('header a')]
      for (let round = 0; round < 5; round += 1) {
        links.forEach((link) => link.click())
      }
      links.find((link) => link.textContent === 'Sign up')!.click()
    })
    await expect(app.heading('Sign up')).toBeVisible()
    await app.expectPath('/signup')
    await page.waitForTimeout(500)
    await expect(app.heading('Sign up')).toBeVisible()
  })

  test('but not for a modified click, which is the browser\'s', async ({ app, page, context }) => {
    await app.visit('/')
    const opened = context.waitForEvent('page')
    await app.header.getByRole('link', { name: 'Sign up' }).click({ modifiers: ['ControlOrMeta'] })
    await (await opened).close()
    expect(await page.evaluate(BEGUN)).toBe(0)
    await app.expectPath('/')
  })

  test.describe('for whom nothing moves', () => {
    test.use({ contextOptions: { reducedMotion: 'reduce' } })

    test('not at all', async ({ app, page }) => {
      await app.visit('/')
      await app.header.getByRole('link', { name: 'Sign up' }).click()
      await expect(app.heading('Sign up')).toBeVisible()
      expect(await page.evaluate(BEGUN)).toBe(0)
    })
  })
})
