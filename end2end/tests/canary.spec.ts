import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { startApi } from '../support/api'
import type { App } from '../support/app'
import { Corpus, issuedTokens, usedTokens } from '../support/canary'
import { expect, test as base } from '../support/fixtures'
import { stranger, unique } from '../support/person'
import { freePort } from '../support/port'
import { RecordingProxy } from '../support/recording-proxy'
import { siteRoot, startVestibule } from '../support/vestibule'

interface Rig {
  /** Between Vestibule and the API: here the tokens are known. */
  api: RecordingProxy
  /** Between the browser and Vestibule: here no token may ever be seen. */
  browser: RecordingProxy
  log: string
}

const test = base.extend<{ rig: Rig }>({
  rig: async ({ upstream }, use, testInfo) => {
    const stops: (() => Promise<void>)[] = []
    const keep = <T extends { stop(): Promise<void> }>(started: T): T => {
      stops.unshift(() => started.stop())
      return started
    }
    try {
      const api = keep(await startApi(upstream, testInfo.outputPath('api.log')))
      const apiProxy = keep(await RecordingProxy.start({ target: api.url }))
      const port = await freePort()
      const browserProxy = keep(await RecordingProxy.start({ target: `http://127.0.0.1:${port}` }))
      const log = testInfo.outputPath('vestibule.log')
      keep(
        await startVestibule({
          log,
          port,
          api: { ...api, url: apiProxy.url },
          publicUrl: browserProxy.url,
          env: { VESTIBULE_LOG: 'debug' },
        }),
      )
      await use({ api: apiProxy, browser: browserProxy, log })
    } finally {
      for (const stop of stops) {
        await stop()
      }
    }
  },

  baseURL: async ({ rig }, use) => {
    await use(rig.browser.url)
  },
})

test('the token of a session is nowhere that a browser or a reader of the log could find it', { tag: ['@core', '@leak'] }, async ({ app, guard, rig, send }) => {
  test.setTimeout(120_000)
  guard.allowStatus(401)
  const person = stranger()
  const title = unique('Canary note')
  const corpus = new Corpus()

  await useTheWholeApp(app, person, title, corpus)
  expect((await send('GET', '/api/proxy/notes')).status(), 'a call without a session').toBe(401)
  const files = await fetchStaticFiles(app)
  rig.browser.exchanges.forEach((exchange) => corpus.addExchange(exchange))
  corpus.add('log', readFileSync(rig.log))

  // First that there was a token to leak, …
  const issued = issuedTokens(rig.api.exchanges)
  const used = usedTokens(rig.api.exchanges)
  expect(issued.length).toBeGreaterThanOrEqual(1)
  expect(used.length).toBeGreaterThanOrEqual(1)
  expect(issued).toEqual(expect.arrayContaining(used))
  expect(used.every((token) => /^eyJ[\w-]+\.[\w-]+\.[\w-]{20,}$/.test(token))).toBe(true)
  const calls = rig.api.exchanges.filter((exchange) => usedTokens([exchange]).length > 0)
  expect(calls.map(({ method, path }) => `${method} ${path.split('?')[0]}`)).toEqual(
    expect.arrayContaining(['GET /notes', 'POST /notes']),
  )

  // … that the search sees what is there, …
  expect(corpus.mentions(title)).toEqual(expect.arrayContaining([expect.stringContaining('response body of GET /notes')]))
  expect(corpus.mentions(person.email)).not.toEqual([])
  expect(corpus.mentions('vestibule=')).toEqual(expect.arrayContaining([expect.stringContaining('request headers of GET /notes')]))
  expect(corpus.mentions('HttpOnly')).not.toEqual([])
  for (const extension of ['.js', '.wasm', '.css']) {
    expect(files.filter((file) => file.endsWith(extension)), extension).not.toEqual([])
  }
  expect(corpus.mentions('\0asm'), 'the WASM itself').not.toEqual([])
  expect(readFileSync(rig.log, 'utf8').length).toBeGreaterThan(0)

  // … and then that no token is.
  for (const token of new Set([...issued, ...used])) {
    // Not the token itself: a failure must not print it.
    expect(corpus.find(token)).toEqual([])
  }
  expect(corpus.mentions('Bearer eyJ')).toEqual([])
})

async function useTheWholeApp(app: App, person: ReturnType<typeof stranger>, title: string, corpus: Corpus): Promise<void> {
  const look = async (where: string) => corpus.add(`page: ${where}`, await everythingInThePage(app))
  await app.visit('/')
  await look('home, logged out')
  await app.visit('/signup?return_to=%2Fnotes')
  await app.signUp(person)
  await expect(app.heading('Notes')).toBeVisible()
  await app.ready()
  await look('signed up')
  await app.logOut()

  await app.visit('/login?return_to=%2Fnotes')
  await app.logIn({ ...person, password: 'not the password' })
  await expect(app.main.getByRole('alert')).toBeVisible()
  await look('refused')
  await app.logIn(person)
  await expect(app.heading('Notes')).toBeVisible()
  await app.ready()
  await app.addNote(title, 'Sings underground')
  await look('notes')
  await app.search('canary')
  await expect(app.note(title)).toBeVisible()
  await app.note(title).getByRole('link', { name: `Edit ${title}` }).click()
  await expect(app.heading('Edit note')).toBeVisible()
  await look('editor')
  for (const path of ['/notes', '/account', '/']) {
    await app.visit(path)
    await app.expectLoggedIn()
    await look(path)
  }
  // As a script of the page would: also what the proxy answers raw.
  for (const path of ['/api/session', '/api/proxy/notes', '/api/proxy/auth/me', '/api/proxy/authentication']) {
    const answer = await app.page.request.get(path, { headers: { 'sec-fetch-site': 'same-origin' } })
    corpus.add(path, `${JSON.stringify(answer.headersArray())}\n${await answer.text()}`)
  }
  await app.visit('/notes')
  await app.logOut()
  await look('logged out')
}

/** All that a script of the page could read. */
async function everythingInThePage(app: App): Promise<string> {
  const html = await app.page.content()
  if (!app.javaScript) {
    return html
  }
  const readable = await app.page.evaluate(() => {
    const plain = (value: unknown): unknown => {
      try {
        return JSON.stringify(value)
      } catch {
        return String(value)
      }
    }
    // What scripts have put there themselves; most of the browser's own are accessors.
    const globals = Object.entries(Object.getOwnPropertyDescriptors(window))
      .filter(([name, { value }]) => name !== 'window' && ['string', 'object'].includes(typeof value) && !(value instanceof EventTarget))
      .map(([name, { value }]) => [name, plain(value)])
    return JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, history.state, window.name, globals])
  })
  return `${html}\n${readable}`
}

/** Every file that the server has under `/pkg`, fetched as a browser would. */
async function fetchStaticFiles(app: App): Promise<string[]> {
  const names = await readdir(path.join(siteRoot(), 'pkg'), { recursive: true, withFileTypes: true })
  const files = names
    .filter((entry) => entry.isFile() && !/\.(br|gz)$/.test(entry.name))
    .map((entry) => path.relative(siteRoot(), path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
  for (const file of files) {
    const answer = await app.page.request.get(`/${file}`)
    expect(answer.status(), file).toBe(200)
  }
  return files
}
