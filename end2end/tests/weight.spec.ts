import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import type { Response } from '@playwright/test'
import { expect, test } from '../support/fixtures'
import { builtProfile } from '../support/path'

/** The most bytes of JavaScript and WASM that a first visit may load, as brotli. docs/performance.md has the figures. */
const BUDGET = 210_000

test.skip(() => builtProfile() !== 'release', 'a development build is not made small')

for (const [page, path] of Object.entries({
  home: () => '/',
  'log-in': () => '/login',
  'sign-up': () => '/signup',
  notes: () => '/notes',
  note: (id: string) => `/notes/${id}`,
  account: () => '/account',
  'not-found': () => '/nowhere',
})) {
  test(`a first visit of the ${page} page loads no more than the budget`, { tag: ['@js', '@once'] }, async ({ app, guard, openApp, member, send }) => {
    expect(member.email).not.toBe('')
    if (page === 'not-found') guard.allowStatus(404)
    const created = await send('POST', '/api/proxy/notes', { json: { title: 'Plan', body: '' } })
    const { id } = (await created.json()) as { id: string }
    const isForVisitors = page === 'log-in' || page === 'sign-up'
    const visitor = await openApp({ cookiesOf: isForVisitors ? undefined : app.page.context() })
    const loaded = new Map<string, Promise<Buffer>>()
    const keep = (response: Response) => {
      if (/\.(js|wasm)$/.test(new URL(response.url()).pathname)) {
        loaded.set(response.url(), response.body())
      }
    }
    visitor.page.on('response', keep)
    await visitor.visit(path(id))
    // What the page loads ahead some time later is for the next one.
    visitor.page.off('response', keep)
    const sizes = await Promise.all([...loaded.values()].map(async (body) => brotli(await body)))
    expect(loaded.size).toBeGreaterThanOrEqual(2)
    const sum = sizes.reduce((sum, size) => sum + size)
    test.info().annotations.push({ type: 'bytes as brotli', description: `${page}: ${sum} in ${loaded.size} files` })
    expect(sum).toBeLessThanOrEqual(BUDGET)
  })
}

async function brotli(bytes: Buffer): Promise<number> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 }
  return (await promisify(brotliCompress)(bytes, { params })).length
}
