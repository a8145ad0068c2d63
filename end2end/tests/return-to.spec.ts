import { expect, test } from '../support/fixtures'
import { ada, grace, unique } from '../support/person'

for (const path of ['/notes', '/notes?q=moth%20in', '/account']) {
  test(`${path} asks a stranger to log in, and comes back`, async ({ app, send, baseURL }) => {
    const answer = await send('GET', path)
    expect(answer.status()).toBe(302)
    const login = new URL(answer.headers()['location'] ?? '', baseURL)
    expect(login.pathname).toBe('/login')
    expect(login.searchParams.get('return_to')).toBe(path)

    await app.visit(path)
    await expect(app.heading('Log in')).toBeVisible()
    expect(app.page.url()).toBe(login.href)
    await app.logIn(grace)
    await app.expectLoggedIn()
    await app.expectPath(path)
  })
}

test('a deep link to a note comes back to that note', async ({ app, member, send }) => {
  const title = unique('Deep')
  await app.visit('/notes')
  await app.addNote(title, 'text')
  const href = await app.note(title).getByRole('link', { name: title, exact: true }).getAttribute('href')
  await app.logOut()
  expect((await send('GET', href!)).status()).toBe(302)
  await app.visit(href!)
  await expect(app.heading('Log in')).toBeVisible()
  await app.logIn(member)
  await expect(app.heading('Edit note')).toBeVisible()
  await expect(app.field('Title')).toHaveValue(title)
})

const elsewhere = ['//evil.example', 'https://evil.example', '/\\evil.example', 'javascript:alert(document.domain)']

for (const target of elsewhere) {
  // The guard of every test fails this one if any request leaves for another origin.
  test(`a log-in never leads to ${JSON.stringify(target)}`, async ({ app, baseURL }) => {
    await app.visit(`/login?return_to=${encodeURIComponent(target)}`)
    await app.logIn(ada)
    await app.expectLoggedIn()
    await expect(app.heading('Log in')).toBeHidden()
    expect(new URL(app.page.url()).origin).toBe(new URL(baseURL!).origin)
    expect(app.page.url()).not.toContain('evil.example')
  })
}

for (const target of [...elsewhere, '/\\/evil.example', '/\t/evil.example', '/.//evil.example', '/%2e%2e//evil.example']) {
  test(`a forged form does not lead to ${JSON.stringify(target)}`, async ({ context, baseURL }) => {
    const answer = await context.request.post('/api/login', {
      form: { email: ada.email, password: ada.password, return_to: target },
      headers: { accept: 'text/html', origin: baseURL!, 'sec-fetch-site': 'same-origin' },
      maxRedirects: 0,
    })
    expect(answer.status()).toBe(303)
    expect(answer.headers()['location']).toMatch(/^\/(?:notes|account)?$/)
  })
}
