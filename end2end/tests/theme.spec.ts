import { expect, test } from '../support/fixtures'

test('a theme is chosen in the footer, and kept', async ({ app, page, send }) => {
  await app.visit('/login')
  const html = page.locator('html')
  const theme = (name: string) => page.getByRole('group', { name: 'Theme' }).getByRole('button', { name })
  await expect(theme('System')).toHaveAttribute('aria-pressed', 'true')

  for (const [name, scheme] of [['Dark', 'dark'], ['Light', 'light']] as const) {
    const kept = page.waitForResponse((response) => response.url().endsWith('/api/theme'))
    await theme(name).click()
    await kept
    await app.expectPath('/login')
    await expect(theme(name)).toHaveAttribute('aria-pressed', 'true')
    await expect(html).toHaveCSS('color-scheme', scheme)
    await app.visit('/')
    await expect(html).toHaveCSS('color-scheme', scheme)
    await expect(theme(name)).toHaveAttribute('aria-pressed', 'true')
    // The first byte of HTML knows it, so that nothing flashes.
    expect(await (await send('GET', '/')).text()).toContain(`data-theme="${scheme}"`)
    await app.visit('/login')
  }

  const kept = page.waitForResponse((response) => response.url().endsWith('/api/theme'))
  await theme('System').click()
  await kept
  await app.visit('/')
  await expect(html).not.toHaveAttribute('data-theme')
  await expect(theme('System')).toHaveAttribute('aria-pressed', 'true')
})

test('the kept theme is no word of the person\'s own, and out of reach for scripts', async ({ send, context }) => {
  expect((await send('POST', '/api/theme', { form: { theme: 'dark' } })).status()).toBeLessThan(400)
  expect(await context.cookies()).toMatchObject([{ name: 'theme', value: 'dark', httpOnly: true, sameSite: 'Lax' }])
  expect((await send('POST', '/api/theme', { form: { theme: '"><script>' } })).status()).toBeLessThan(400)
  expect(await context.cookies()).toEqual([])
})

test('a forged theme form leads to no other site', async ({ context, baseURL }) => {
  const answer = await context.request.post('/api/theme', {
    form: { theme: 'dark', return_to: '//evil.example' },
    headers: { accept: 'text/html', origin: baseURL!, 'sec-fetch-site': 'same-origin' },
    maxRedirects: 0,
  })
  expect(answer.status()).toBe(303)
  expect(answer.headers()['location']).toBe('/')
})

test('a page that refuses has the theme as well', async ({ context, page, send }) => {
  expect((await send('POST', '/api/theme', { form: { theme: 'dark' } })).status()).toBeLessThan(400)
  const refused = await context.request.post('/api/theme', {
    form: { theme: 'light' },
    headers: { accept: 'text/html', origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
  })
  expect(refused.status()).toBe(403)
  await page.setContent(await refused.text())
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await expect(page.getByRole('heading', { name: 'This is not allowed' })).toBeVisible()
})
