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
