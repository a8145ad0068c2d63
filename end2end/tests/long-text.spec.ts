import { expect, test } from '../support/fixtures'

// Without an ETag nothing refuses the form.
test.skip(({ upstream }) => upstream !== 'demo', 'this API has no ETag')

test('a refused form comes back with a text that no URL has room for', async ({ app, page, member, send, guard }) => {
  guard.allowStatus(412)
  expect(member.email).not.toBe('')
  const created = await send('POST', '/api/proxy/notes', { json: { title: 'Plan', body: 'old' } })
  const { id } = (await created.json()) as { id: string }
  await app.visit(`/notes/${id}`)
  await send('PATCH', `/api/proxy/notes/${id}`, { json: { title: 'Plan', body: 'from the phone' } })
  const text = `${'All that was to be said, “<in> & out”. '.repeat(400)}The end.`
  await app.field('Text').fill(text)
  await app.main.getByRole('button', { name: 'Save' }).click()

  await expect(app.main.getByRole('alert')).toContainText('changed elsewhere')
  await expect(app.main.getByRole('region', { name: 'Stored now' })).toContainText('from the phone')
  await expect(app.field('Text')).toHaveValue(text)
  expect(page.url().length).toBeLessThan(200)
  await app.main.getByRole('button', { name: 'Keep mine' }).click()
  await expect(app.heading('Notes')).toBeVisible()
  await expect(app.note('Plan')).toContainText('The end.')
})

test('a form sent before the page is awake comes back on a page that wakes', { tag: '@js' }, async ({ app, page, member, send, guard }) => {
  guard.allowStatus(412)
  expect(member.email).not.toBe('')
  const created = await send('POST', '/api/proxy/notes', { json: { title: 'Plan', body: 'old' } })
  const { id } = (await created.json()) as { id: string }
  let wake = () => {}
  const asleep = new Promise<void>((resolve) => (wake = resolve))
  await page.route('**/*.wasm', async (route) => {
    await asleep
    await route.continue()
  })
  await page.goto(`/notes/${id}`)
  await send('PATCH', `/api/proxy/notes/${id}`, { json: { title: 'Plan', body: 'from the phone' } })
  const text = 'All that was to be said. '.repeat(400)
  await app.field('Text').fill(text)
  await app.main.getByRole('button', { name: 'Save' }).click()
  await expect(app.main.getByRole('alert')).toContainText('changed elsewhere')
  wake()
  await app.ready()
  await expect(app.heading('Edit note')).toBeVisible()
  await expect(app.field('Text')).toHaveValue(text)
  expect(new URL(page.url()).pathname).toBe(`/notes/${id}`)
  await app.main.getByRole('button', { name: 'Keep mine' }).click()
  await expect(app.heading('Notes')).toBeVisible()
  await expect(app.note('Plan')).toContainText('All that was to be said.')
})

/** As long as the field takes it, in letters that are long on their way. */
const LONGEST = `${'文'.repeat(19_990)}\n\n“<&>”.`

test('a text that no URL has room for waits for the log-in without JavaScript', { tag: '@no-js' }, async ({ app, page, member, send, guard }) => {
  guard.allowStatus(401, 412)
  const created = await send('POST', '/api/proxy/notes', { json: { title: 'Plan', body: 'old' } })
  const { id } = (await created.json()) as { id: string }
  for (const [path, button, heading] of [[`/notes/${id}`, 'Save', 'Edit note'], ['/notes', 'Add note', 'Notes']] as const) {
    await app.visit(path)
    await app.field('Title').fill('Long')
    await app.field('Text').fill(LONGEST)
    await send('PATCH', `/api/proxy/notes/${id}`, { json: { body: 'from the phone' } })
    expect((await send('POST', '/api/logout')).status()).toBeLessThan(400)
    await app.main.getByRole('button', { name: button }).click()
    await expect(app.heading('Log in')).toBeVisible()
    await expect(app.status('Your session has ended. Log in again to go on.')).toBeVisible()
    await app.logIn({ ...member, password: 'not the password' })
    await expect(app.main.getByRole('alert')).toContainText('E-mail or password is wrong')
    await app.logIn(member)
    await expect(app.heading(heading)).toBeVisible()
    await app.expectLoggedIn()
    await expect(app.field('Title')).toHaveValue('Long')
    await expect(app.field('Text')).toHaveValue(LONGEST)
    expect(page.url().length).toBeLessThan(200)
    await app.main.getByRole('button', { name: button }).click()
  }
  await expect(app.note('Long')).toContainText('“<&>”.')
  await app.visit(`/notes/${id}`)
  await expect(app.field('Text'), 'the version from the phone was not overwritten').toHaveValue('from the phone')
})

test('and waits for it on a page that wakes', { tag: '@js' }, async ({ app, page, member, send, guard }) => {
  guard.allowStatus(401)
  const created = await send('POST', '/api/proxy/notes', { json: { title: 'Plan', body: 'old' } })
  const { id } = (await created.json()) as { id: string }
  let wake = () => {}
  const asleep = new Promise<void>((resolve) => (wake = resolve))
  await page.route('**/*.wasm', async (route) => {
    await asleep
    await route.continue()
  })
  await page.goto(`/notes/${id}`)
  await app.field('Text').fill(LONGEST)
  expect((await send('POST', '/api/logout')).status()).toBeLessThan(400)
  await app.main.getByRole('button', { name: 'Save' }).click()
  await expect(app.heading('Log in')).toBeVisible()
  wake()
  await app.ready()
  await app.expectPath(`/login?return_to=${encodeURIComponent(`/notes/${id}`)}&ended=1`)
  await app.logIn(member)
  await expect(app.heading('Edit note')).toBeVisible()
  await app.ready()
  await app.expectPath(`/notes/${id}`)
  await expect(app.field('Text')).toHaveValue(LONGEST)
  await app.main.getByRole('button', { name: 'Save' }).click()
  await expect(app.heading('Notes')).toBeVisible()
  await expect(app.note('Plan')).toContainText('“<&>”.')
})
