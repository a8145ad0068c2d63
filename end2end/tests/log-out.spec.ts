import { sessionCookies } from '../support/cookie'
import { expect, test } from '../support/fixtures'

test('a log-out ends it, on every page', { tag: ['@core', '@log-out'] }, async ({ app, context, send, member }) => {
  expect(member.email).not.toBe('')
  await app.visit('/notes')
  await app.logOut()
  expect(await sessionCookies(context)).toEqual([])
  expect(await (await send('GET', '/api/session')).json()).toMatchObject({ loggedIn: false, user: null })
  expect((await send('GET', '/api/proxy/notes')).status()).toBe(401)
  for (const path of ['/notes', '/account']) {
    await app.visit(path)
    await expect(app.heading('Log in')).toBeVisible()
    await app.expectLoggedOut()
  }
})

test('the account page logs out as well', async ({ app, context, member }) => {
  expect(member.email).not.toBe('')
  await app.visit('/account')
  await app.main.getByRole('button', { name: 'Log out', exact: true }).click()
  await app.expectLoggedOut()
  expect(await sessionCookies(context)).toEqual([])
})

test('the back button shows nothing private after a log-out', async ({ app, page, member }) => {
  await app.visit('/account')
  await expect(app.main.getByText(member.email)).toBeVisible()
  await app.visit('/notes')
  await app.addNote('Between us', 'Nobody else reads this.')
  await app.logOut()

  // Without JavaScript the form's answer is a page of its own in the history.
  const pages = app.javaScript ? 2 : 3
  for (let steps = 0; steps < pages; steps += 1) {
    await page.goBack()
    expect(page.url(), 'a page of the app').toContain('http')
    await app.expectLoggedOut()
    await expect(page.getByText('Nobody else reads this.')).toBeHidden()
    const html = await page.content()
    expect(html).not.toContain('Nobody else reads this.')
    expect(html).not.toContain(member.email)
  }
})
