import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect as expectOf, test as base, type Page } from '@playwright/test'
import { CspEvaluator } from 'csp_evaluator/dist/evaluator.js'
import { CspParser } from 'csp_evaluator/dist/parser.js'
import { expect, test } from '../support/fixtures'
import { ada } from '../support/person'
import { startVestibule, type Vestibule } from '../support/vestibule'

/** What a script of somebody else does when it runs. */
const MARK = "document.documentElement.dataset.ran = 'yes'"
const ran = (page: Page) => page.evaluate(() => document.documentElement.dataset.ran)

test.describe('a link', { tag: ['@js', '@once'] }, () => {
  const hostile = `/notes?q=');${MARK.replaceAll(' ', '')}//`

  test('to the log-in runs no script after it', async ({ app, page }) => {
    await app.visit(`/login?return_to=${encodeURIComponent(hostile)}&typed=%5B%5D`)
    await app.logIn(ada)
    await app.expectLoggedIn()
    await app.ready()
    expect(await ran(page)).toBeUndefined()
  })

  test('is the address of a page that answers a form, and no script', async ({ app, page }) => {
    await app.visit('/login')
    // As the form is sent where there is no JavaScript.
    await page.evaluate(
      ([return_to, person]) => {
        const form = document.createElement('form')
        form.method = 'post'
        form.action = '/api/login'
        const fields = { email: person.email, password: person.password, return_to, typed: '[]' }
        for (const [name, value] of Object.entries(fields)) {
          form.append(Object.assign(document.createElement('input'), { name, value }))
        }
        document.body.append(form)
        form.submit()
      },
      [hostile, ada] as const,
    )
    await expect(page.locator('html')).toHaveAttribute('data-address', hostile)
    await app.ready()
    await app.expectLoggedIn()
    expect(new URL(page.url()).pathname).toBe('/notes')
    expect(await ran(page)).toBeUndefined()
  })
})

test('every page works with its policy, also when the browser makes it', { tag: ['@js', '@once'] }, async ({ app, page, member, send }) => {
  expect(member.email).not.toBe('')
  const created = await send('POST', '/api/proxy/notes', { json: { title: 'A note', body: '' } })
  const { id } = (await created.json()) as { id: string }
  // The guard of every test fails this one for any violation that the console tells of.
  const paths = ['/', '/notes', `/notes/${id}`, '/account', '/no-such-page']
  for (const path of paths.slice(0, -1)) {
    const response = await app.visit(path)
    expect(response?.headers()['content-security-policy']).toContain("require-trusted-types-for 'script'")
  }
  await app.visit('/')
  for (const name of ['Notes', 'Account', 'Vestibule']) {
    await app.header.getByRole('link', { name }).click()
    await expect(app.main.getByRole('heading', { level: 1 })).toBeVisible()
  }
  await expect(page.locator('.flow-wide svg, .flow-tall svg').first()).toBeAttached()
  await app.logOut()
  await app.header.getByRole('link', { name: 'Sign up' }).click()
  await expect(page.locator('.door-mark svg')).toBeAttached()
})

test('the policy has no weakness that csp_evaluator knows', { tag: '@once' }, async ({}, info) => {
  const env = { VESTIBULE_PUBLIC_URL: 'https://app.example' }
  const vestibule = await startVestibule({ log: info.outputPath('server.log'), env })
  try {
    for (const path of ['/', '/login', '/no-such-page']) {
      const policy = (await fetch(vestibule.url + path)).headers.get('content-security-policy')!
      expect(policy).toContain('strict-dynamic')
      expect(new CspEvaluator(new CspParser(policy).csp).evaluate(), path).toEqual([])
    }
  } finally {
    await vestibule.stop()
  }
})

/** An API whose users share files, and a site of somebody else. */
const shared = base.extend<{ api: string; vestibule: Vestibule; elsewhere: string }>({
  api: async ({}, use) => {
    await serve(answerAsApi, '127.0.0.1', use)
  },
  vestibule: async ({ api }, use, info) => {
    const vestibule = await startVestibule({ log: info.outputPath('server.log'), api: { url: api, contract: 'demo' } })
    await use(vestibule)
    await vestibule.stop()
  },
  elsewhere: async ({ vestibule }, use) => {
    const file = `${vestibule.url}/api/proxy/report.csv`
    const page = `<!doctype html><a href="${file}">Your report</a><iframe src="${file}"></iframe><img src="${file}">`
    const answer = (_: IncomingMessage, response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/html' }).end(page)
    await serve(answer, 'localhost', use)
  },
})

/** How often the API was asked for the report, by anybody who is logged in. */
let reports = 0

function answerAsApi(request: IncomingMessage, response: ServerResponse): void {
  const send = (type: string, body: string, more = {}) => response.writeHead(200, { 'content-type': type, ...more }).end(body)
  if (request.url === '/auth/login') {
    const user = { id: 1, email: 'ada@example.com', name: 'Ada' }
    send('application/json', JSON.stringify({ access_token: `eyJhbGciOiJIUzI1NiJ9.e30.${'x'.repeat(43)}`, expires_in: 900, user }))
  } else if (request.url === '/report.csv' && request.headers.authorization !== undefined) {
    reports += 1
    send('text/csv', 'a;b', { 'content-disposition': 'attachment; filename="report.csv"' })
  } else if (request.url?.endsWith('.js')) {
    send('text/javascript', MARK, { 'service-worker-allowed': '/' })
  } else if (request.url?.endsWith('.css')) {
    send('text/css', 'html { --styled: yes }')
  } else {
    response.writeHead(404).end()
  }
}

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  host: string,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const server: Server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  await use(`http://${host}:${(server.address() as AddressInfo).port}`)
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

/** Puts HTML into the log-in page, as an injection would; `open` takes its policy away as well. */
async function inject(page: Page, html: string, open: boolean): Promise<void> {
  await page.route('**/login', async (route) => {
    const response = await route.fetch()
    const headers = response.headers()
    if (open) {
      delete headers['content-security-policy']
    }
    await route.fulfill({ response, headers, body: (await response.text()).replace('</body>', `${html}</body>`) })
  })
}

shared.describe('a file that somebody uploaded', { tag: ['@js', '@once'] }, () => {
  for (const open of [false, true]) {
    const by = open ? 'by the proxy alone' : 'by the policy of the page'

    shared(`runs as no script, ${by}`, async ({ page, vestibule }) => {
      await inject(page, '<script src="/api/proxy/evil.js"></script><link rel="stylesheet" href="/api/proxy/evil.css">', open)
      await page.goto(`${vestibule.url}/login`)
      await expectOf(page.locator('html')).toHaveAttribute('data-hydrated', 'true')
      expectOf(await ran(page)).toBeUndefined()
      expectOf(await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--styled'))).toBe('')
    })

    shared(`is no service worker and no worker, ${by}`, async ({ page, vestibule }) => {
      await inject(page, '', open)
      await page.goto(`${vestibule.url}/login`)
      const outcome = await page.evaluate(async () => {
        const registered = await navigator.serviceWorker.register('/api/proxy/evil.js', { scope: '/' }).then(
          () => 'registered',
          (error: unknown) => String(error),
        )
        const worker = await new Promise<string>((resolve) => {
          try {
            const worker = new Worker('/api/proxy/evil.js')
            worker.onerror = () => resolve('refused')
            worker.onmessage = () => resolve('runs')
            setTimeout(() => resolve('silent'), 3_000)
          } catch (error) {
            resolve(`refused: ${String(error)}`)
          }
        })
        return { registered, worker, count: (await navigator.serviceWorker.getRegistrations()).length }
      })
      expectOf(outcome.registered).not.toBe('registered')
      expectOf(outcome.worker).toMatch(/^refused/)
      expectOf(outcome.count).toBe(0)
    })
  }

  shared('is no script by way of a script of the page', async ({ page, vestibule }) => {
    await page.goto(`${vestibule.url}/login`)
    await expectOf(page.locator('html')).toHaveAttribute('data-hydrated', 'true')
    const thrown = await page.evaluate((mark) => {
      const attempt = (run: () => void) => {
        try {
          run()
          return 'ran'
        } catch (error) {
          return (error as Error).name
        }
      }
      const main = document.querySelector('main')!
      return [
        attempt(() => (document.createElement('script').src = '/api/proxy/evil.js')),
        attempt(() => (document.createElement('script').text = mark)),
        attempt(() => (main.innerHTML = `<img src="x" onerror="${mark}">`)),
        attempt(() => main.insertAdjacentHTML('beforeend', '<iframe srcdoc="x"></iframe>')),
        attempt(() => (document.createElement('p').innerHTML = '<b class="x">harmless</b>')),
      ]
    }, MARK)
    expectOf(thrown).toEqual(['TypeError', 'TypeError', 'TypeError', 'TypeError', 'ran'])
    expectOf(await ran(page)).toBeUndefined()
  })
})

shared('a link on another site leads to a download, and nothing else does', { tag: ['@js', '@once'] }, async ({ page, context, vestibule, elsewhere }) => {
  const answer = await context.request.post(`${vestibule.url}/api/login`, {
    form: { email: 'ada@example.com', password: 'x', return_to: '/' },
    headers: { accept: 'application/json', origin: vestibule.url, 'sec-fetch-site': 'same-origin' },
  })
  expectOf(answer.status()).toBe(200)
  const before = reports
  const framed = page.waitForResponse((response) => response.url().endsWith('/report.csv'))
  await page.goto(elsewhere)
  expectOf((await framed).status()).toBe(403)
  const fetched = `fetch('${vestibule.url}/api/proxy/report.csv', { mode: 'no-cors', credentials: 'include' }).then(() => 'sent', () => 'refused')`
  expectOf(await page.evaluate(fetched)).toBe('refused')
  expectOf(reports).toBe(before)
  const download = page.waitForEvent('download')
  await page.getByRole('link').click()
  expectOf((await download).suggestedFilename()).toBe('report.csv')
  expectOf(reports).toBe(before + 1)
})
