import { expect, test } from '../support/fixtures'

test.describe('for other programs', { tag: ['@once', '@js'] }, () => {
  test('a page tells what to show where it is linked', async ({ app, page, baseURL }) => {
    await app.visit('/login')
    const property = (name: string) => page.locator(`meta[property="og:${name}"]`)
    await expect(property('title')).toHaveAttribute('content', 'Vestibule')
    await expect(property('url')).toHaveAttribute('content', `${new URL(baseURL!).origin}/login`)
    const image = (await property('image').getAttribute('content'))!
    const answer = await page.request.get(image)
    expect(answer.headers()['content-type']).toBe('image/png')
    expect((await answer.body()).length).toBeGreaterThan(1_000)
  })

  test('search engines find the pages and leave the API alone', async ({ page, baseURL }) => {
    const { origin } = new URL(baseURL!)
    const robots = await (await page.request.get('/robots.txt')).text()
    expect(robots).toContain('Disallow: /api/')
    expect(robots).toContain(`Sitemap: ${origin}/sitemap.xml`)
    const sitemap = await (await page.request.get('/sitemap.xml')).text()
    for (const [, address] of sitemap.matchAll(/<loc>(.*?)<\/loc>/g)) {
      expect((await page.request.get(address!)).status(), address).toBe(200)
    }
    expect(sitemap).toContain(`<loc>${origin}/login</loc>`)
  })

  test('all icons of the manifest are there', async ({ page }) => {
    const manifest = await page.request.get('/manifest.webmanifest')
    const { icons } = (await manifest.json()) as { icons: { src: string; type: string }[] }
    expect(icons.length).toBeGreaterThan(0)
    for (const { src, type } of icons) {
      expect((await page.request.get(src)).headers()['content-type'], src).toBe(type)
    }
  })
})

test('a form from another site is refused with a page of our own', { tag: '@once' }, async ({ context }) => {
  const answer = await context.request.post('/api/login', {
    form: { email: 'a@example.com', password: 'b', return_to: '' },
    headers: { accept: 'text/html', origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' },
    maxRedirects: 0,
  })
  expect(answer.status()).toBe(403)
  expect(answer.headers()['content-type']).toContain('text/html')
  expect(answer.headers()['set-cookie']).toBeUndefined()
  expect(await answer.text()).toContain('<h1>This is not allowed')
  const json = await context.request.post('/api/login', {
    form: { email: 'a@example.com', password: 'b', return_to: '' },
    headers: { accept: 'application/json', origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' },
  })
  expect(json.headers()['content-type']).toContain('application/problem+json')
})
