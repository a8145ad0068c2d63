import { expect, test } from '../support/fixtures'

test.beforeEach(async ({ app, member, send }) => {
  expect(member.email).not.toBe('')
  for (const [title, body] of [
    ['Green tea', 'from the hills'],
    ['Coffee', 'not as good as tea'],
    ['Water', 'from the tap'],
  ] as const) {
    expect((await send('POST', '/api/proxy/notes', { json: { title, body } })).status()).toBe(201)
  }
  await app.visit('/notes')
  await expect(app.status('3 notes')).toBeVisible()
})

test('the search says how many it has found', async ({ app }) => {
  await app.search('tea')
  await expect(app.status('2 notes match “tea”')).toBeVisible()
  await app.ready()
  await app.search('hills')
  await expect(app.status('1 note matches “hills”')).toBeVisible()
})

test.describe('the search follows the typing', { tag: '@js' }, () => {
  test('without a button, into the address bar', async ({ app }) => {
    await app.searchField().pressSequentially('TEA ')
    await expect(app.notes().getByRole('heading')).toHaveText(['Coffee', 'Green tea'])
    await app.expectPath('/notes?q=TEA')
    await expect(app.status('2 notes match “TEA”')).toBeVisible()
    await expect(app.searchField(), 'what one types stays').toHaveValue('TEA ')
    await expect(app.searchField()).toBeFocused()
  })

  test('as one step of the history, however many letters', async ({ app, page }) => {
    await app.searchField().pressSequentially('te')
    await app.expectPath('/notes?q=te')
    await app.searchField().pressSequentially('a')
    await app.expectPath('/notes?q=tea')
    await app.searchField().press('Enter')
    await app.searchField().fill('water')
    await app.expectPath('/notes?q=water')
    await expect(app.notes().getByRole('heading')).toHaveText(['Water'])

    await page.goBack()
    await app.expectPath('/notes?q=tea')
    await expect(app.searchField()).toHaveValue('tea')
    await expect(app.notes()).toHaveCount(2)
    await page.goBack()
    await app.expectPath('/notes')
    await expect(app.searchField()).toHaveValue('')
    await expect(app.notes()).toHaveCount(3)
  })

  test('and shows the last notes until the next ones are there', async ({ app, page }) => {
    let answer = () => {}
    const held = new Promise<void>((resolve) => (answer = resolve))
    await page.route(/\/api\/proxy\/notes\?q=water/, async (route) => {
      await held
      await route.continue()
    })
    await app.searchField().fill('water')
    await expect(app.main.locator('[aria-busy=true]').filter({ has: app.notes() })).toBeVisible()
    await expect(app.notes()).toHaveCount(3)
    await expect(app.status('3 notes')).toBeVisible()
    answer()
    await expect(app.notes()).toHaveCount(1)
    await expect(app.main.locator('[aria-busy=true]')).toHaveCount(0)
  })
})
