import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import { expect, test } from '../support/fixtures'
import { builtProfile } from '../support/path'

/** The most bytes of JavaScript and WASM that a first visit may load, as brotli. docs/performance.md has the figures. */
const BUDGET = 270_000

test('a first visit loads no more than the budget', { tag: ['@js', '@once'] }, async ({ app, page, member }) => {
  test.skip(builtProfile() !== 'release', 'a development build is not made small')
  expect(member.email).not.toBe('')
  const loaded = new Map<string, Promise<Buffer>>()
  page.on('response', (response) => {
    if (/\.(js|wasm)$/.test(new URL(response.url()).pathname)) {
      loaded.set(response.url(), response.body())
    }
  })
  for (const path of ['/', '/login', '/notes', '/account']) {
    await app.visit(path)
  }
  const sizes = await Promise.all([...loaded.values()].map(async (body) => brotli(await body)))
  expect(loaded.size).toBeGreaterThanOrEqual(2)
  const sum = sizes.reduce((sum, size) => sum + size)
  test.info().annotations.push({ type: 'bytes as brotli', description: String(sum) })
  expect(sum).toBeLessThanOrEqual(BUDGET)
})

async function brotli(bytes: Buffer): Promise<number> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 }
  return (await promisify(brotliCompress)(bytes, { params })).length
}
