import { sessionCookies } from '../support/cookie'
import { expect, test as base } from '../support/fixtures'
import { sessionEnds } from '../support/lifetime'
import { startVestibule } from '../support/vestibule'

// A server on which sessions end soon: by idleness, or in any case.
const test = base.extend<{ lifetimes: { idle: number; absolute: number }; own: string }>({
  lifetimes: [{ idle: 20, absolute: 3600 }, { option: true }],

  own: async ({ lifetimes }, use, testInfo) => {
    const env = {
      VESTIBULE_SESSION__IDLE_LIFETIME: String(lifetimes.idle),
      VESTIBULE_SESSION__ABSOLUTE_LIFETIME: String(lifetimes.absolute),
    }
    const vestibule = await startVestibule({ log: testInfo.outputPath('vestibule.log'), env })
    await use(vestibule.url)
    await vestibule.stop()
  },

  baseURL: async ({ own }, use) => {
    await use(own)
  },
})

/** Long enough for a session to come near its end, and to end. */
const SOON = { timeout: 30_000 }

const IDLE = 'Nothing has happened here for a while: you will be logged out at'

test.describe('near the end of an idle session', { tag: ['@js', '@once'] }, () => {
  test('a notice says so, and the person stays by a button', async ({ app, page, member, send }) => {
    expect(member.email).not.toBe('')
    await app.visit('/notes')
    await app.field('Title').focus()
    const notice = app.status(IDLE)
    await expect(notice).toBeHidden()
    await expect(notice).toBeVisible(SOON)
    await expect(notice).toContainText(/at \d\d:\d\d\./)
    await expect(app.field('Title'), 'the focus stays where it is').toBeFocused()
    const button = notice.getByRole('button', { name: 'Stay signed in' })
    await button.focus()
    await page.keyboard.press('Enter')
    await expect(notice).toBeHidden()
    await expect(app.status('You stay signed in.')).toBeVisible()
    await expect(app.heading('Notes'), 'the focus is not lost with the button').toBeFocused()
    const session = (await (await send('GET', '/api/session')).json()) as { secondsLeft: number }
    expect(session.secondsLeft).toBeGreaterThan(10)
    await app.expectLoggedIn()
  })

  test('what happens in another tab counts', async ({ app, member, send }) => {
    expect(member.email).not.toBe('')
    await app.visit('/notes')
    const notice = app.status(IDLE)
    await expect(notice).toBeVisible(SOON)
    expect((await send('GET', '/api/proxy/notes')).status()).toBe(200)
    await expect(notice).toBeHidden()
    await expect(app.heading('Notes')).toBeVisible()
  })

  test('the page says when it is over, and what was typed is there after the log-in', async ({ app, member, context }) => {
    await app.visit('/notes')
    await app.field('Title').fill('Half a')
    await app.field('Text').fill('thought')
    await expect(app.status(IDLE)).toBeVisible(SOON)
    await expect(app.heading('Log in')).toBeVisible(SOON)
    await expect(app.status('Your session has ended. Log in again to go on.')).toBeVisible()
    await expect(app.status(IDLE)).toBeHidden()
    expect(await sessionCookies(context)).toEqual([])

    await app.logIn(member)
    await expect(app.heading('Notes')).toBeVisible()
    await expect(app.field('Title')).toHaveValue('Half a')
    await expect(app.field('Text')).toHaveValue('thought')
  })
})

test.describe('near the end that nothing puts off', { tag: ['@js', '@once'] }, () => {
  test.use({ lifetimes: { idle: 3600, absolute: 20 } })

  test('a notice offers to log in again, and what was typed is there after it', async ({ app, member, openApp, page }) => {
    await app.visit('/notes?q=tea')
    await app.field('Title').fill('Half a')
    const notice = app.status('Your session ends at')
    await expect(notice).toBeHidden()
    await expect(notice).toBeVisible(SOON)
    await notice.getByRole('button', { name: 'Log in again' }).click()
    await expect(app.heading('Log in')).toBeVisible()
    await expect(notice).toBeHidden()
    await app.logIn(member)
    await app.expectPath('/notes?q=tea')
    await expect(app.field('Title')).toHaveValue('Half a')
    expect(await page.evaluate('history.length'), 'one step back leads to the page before').toBe(2)

    const other = await openApp()
    await other.visit('/login?return_to=%2Fnotes')
    await other.logIn(member)
    await expect(other.field('Title'), 'another tab knows nothing of it').toHaveValue('')
  })
})

test.describe('of a session that goes on for an hour', { tag: ['@js', '@once'] }, () => {
  test.use({ lifetimes: { idle: 3600, absolute: 3600 } })

  test('the notice is there with a page that is loaded near the end', async ({ app, member, page }) => {
    expect(member.email).not.toBe('')
    // As the server writes it into a page when 100 seconds are left.
    await page.route('**/account', async (route) => {
      const answer = await route.fetch()
      const html = await answer.text()
      expect(html).toMatch(/secondsLeft\\*":\d+/)
      const near = html.replace(/(secondsLeft\\*":)\d+/, '$1100').replace(/(canBeProlonged\\*":)true/, '$1false')
      await route.fulfill({ response: answer, body: near })
    })
    await app.visit('/account')
    await expect(app.status('Your session ends at')).toBeVisible()
  })

  test('the button of the notice keeps its place when staying is no longer possible', async ({ app, member, page }) => {
    await app.visit('/account')
    await sessionEnds(page, { secondsLeft: 60, canBeProlonged: true })
    const stay = page.getByRole('button', { name: 'Stay signed in' })
    await stay.focus()
    await sessionEnds(page, { secondsLeft: 60, canBeProlonged: false })
    const again = page.getByRole('button', { name: 'Log in again' })
    await expect(again).toBeFocused()
    // Whoever presses while it changes has pressed.
    await sessionEnds(page, { secondsLeft: 60, canBeProlonged: true })
    await expect(stay).toBeVisible()
    await stay.hover()
    await page.mouse.down()
    await sessionEnds(page, { secondsLeft: 60, canBeProlonged: false })
    await expect(again).toBeVisible()
    await page.mouse.up()
    await expect(app.heading('Log in')).toBeVisible()
    await page.unroute('**/api/session')
    await app.logIn(member)
    await app.expectPath('/account')
  })
})
