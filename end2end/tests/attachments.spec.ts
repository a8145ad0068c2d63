import { readFile } from 'node:fs/promises'
import { test as base } from '@playwright/test'
import { App } from '../support/app'
import { expect, test } from '../support/fixtures'
import { ada } from '../support/person'
import { startVestibule } from '../support/vestibule'

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
)
const picture = { name: 'dot.png', mimeType: 'image/png', buffer: png }
const text = { name: 'Été & tea.txt', mimeType: 'text/plain', buffer: Buffer.from('a cup of tea') }
const drawing = { name: 'drawing.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>') }

const files = (app: App) => app.page.getByRole('list', { name: 'Attachments' }).getByRole('listitem')
const file = (app: App, name: string) => files(app).filter({ hasText: name })
const region = (app: App) => app.main.getByRole('region', { name: 'Attachments' })

async function choose(app: App, chosen: Parameters<ReturnType<App['main']['getByLabel']>['setInputFiles']>[0]): Promise<void> {
  await app.main.getByLabel('Add files').setInputFiles(chosen)
  await app.main.getByRole('button', { name: 'Upload' }).click()
}

test.describe('the files of a note', () => {
  test.skip(({ upstream }) => upstream !== 'demo', 'this API keeps no files')

  let path: string
  test.beforeEach(async ({ app, member, send }) => {
    expect(member.email).not.toBe('')
    const created = await send('POST', '/api/proxy/notes', { json: { title: 'With files', body: '' } })
    path = `/notes/${((await created.json()) as { id: string }).id}`
    await app.visit(path)
    await expect(app.main.getByText('No files yet.')).toBeVisible()
  })

  test('are uploaded, several at once, and shown', async ({ app }) => {
    await choose(app, [picture, text, drawing])
    await expect(files(app)).toHaveCount(3)
    await expect(app.status('File added.')).toBeVisible()
    await expect(file(app, 'dot.png')).toContainText('70 bytes · image/png')
    await expect(file(app, text.name)).toContainText('12 bytes · text/plain')
    const image = file(app, 'dot.png').locator('img')
    await expect.poll(() => image.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(1)
    await expect(file(app, 'drawing.svg').locator('img'), 'an SVG may hold scripts').toHaveCount(0)
    await app.reload()
    await expect(files(app)).toHaveCount(3)
  })

  test('are downloaded as they were', async ({ app, page }) => {
    await choose(app, text)
    const link = file(app, text.name).getByRole('link', { name: text.name })
    await expect(link).toBeVisible()
    const download = page.waitForEvent('download')
    await link.click()
    expect((await download).suggestedFilename()).toBe(text.name)
    expect((await readFile(await (await download).path())).toString()).toBe('a cup of tea')
  })

  test('are not shown as those of another note', { tag: '@js' }, async ({ app, page, send }) => {
    await choose(app, text)
    await expect(file(app, text.name)).toBeVisible()
    const created = await send('POST', '/api/proxy/notes', { json: { title: 'Without files', body: '' } })
    const { id } = (await created.json()) as { id: string }
    await app.header.getByRole('link', { name: 'Notes' }).click()
    await app.note('Without files').getByRole('link', { name: 'Edit' }).click()
    await expect(app.field('Title')).toHaveValue('Without files')
    await expect(app.main.getByText('No files yet.')).toBeVisible()

    let answer = () => {}
    const held = new Promise<void>((resolve) => (answer = resolve))
    await page.route('**/attachments', async (route) => {
      await held
      await route.continue()
    })
    // From one note to the other, without the list in between.
    await page.evaluate(() => history.go(-2))
    await app.expectPath(path)
    await expect(app.field('Title')).toHaveValue('With files')
    await expect(app.main.getByText('Loading the attachments…')).toBeVisible()
    await expect(app.main.getByText('No files yet.')).toBeHidden()
    await expect(app.heading('Edit note')).toBeFocused()
    await page.evaluate(() => history.go(2))
    await app.expectPath(`/notes/${id}`)
    await expect(app.field('Title')).toHaveValue('Without files')
    await expect(file(app, text.name)).toBeHidden()
    answer()
    await expect(app.main.getByText('No files yet.')).toBeVisible()
    await page.goBack()
    await page.goBack()
    await app.expectPath(path)
    await expect(file(app, text.name)).toBeVisible()
  })

  test('are deleted', async ({ app }) => {
    await choose(app, [picture, text])
    await expect(files(app)).toHaveCount(2)
    await app.ready()
    await file(app, 'dot.png').getByRole('button', { name: 'Delete dot.png' }).click()
    await expect(files(app)).toHaveCount(1)
    await expect(app.status('File deleted.')).toBeVisible()
    await app.reload()
    await expect(file(app, text.name)).toBeVisible()
    await expect(files(app)).toHaveCount(1)
  })

  test('are dropped onto the page', { tag: '@js' }, async ({ app, page }) => {
    const dataTransfer = await page.evaluateHandle(() => {
      const data = new DataTransfer()
      data.items.add(new File(['dropped'], 'dropped.txt', { type: 'text/plain' }))
      return data
    })
    await region(app).dispatchEvent('dragover', { dataTransfer })
    await expect(region(app)).toHaveAttribute('data-over')
    await region(app).dispatchEvent('drop', { dataTransfer })
    await expect(file(app, 'dropped.txt')).toContainText('7 bytes')
    await expect(region(app)).not.toHaveAttribute('data-over')
  })

  test('show how far they are, and can be cancelled', { tag: '@js' }, async ({ app, page, context, send }) => {
    const network = await context.newCDPSession(page)
    const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 200 * 1024 }
    await network.send('Network.emulateNetworkConditions', slow)
    await choose(app, { name: 'large.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(4 << 20) })
    const progress = app.main.getByRole('progressbar', { name: 'Uploading large.bin' })
    await expect.poll(async () => Number(await progress.getAttribute('value'))).toBeGreaterThan(0)
    expect(Number(await progress.getAttribute('value'))).toBeLessThan(100)
    await app.main.getByRole('button', { name: 'Cancel large.bin' }).click()
    await expect(progress).toBeHidden()
    await expect(app.main.getByText('large.bin')).toBeHidden()
    expect(await (await send('GET', `/api/proxy${path}/attachments`)).json()).toEqual([])
  })

  test('say why one is refused', { tag: '@js' }, async ({ app, page, guard }) => {
    guard.allowStatus(413)
    const detail = 'The file is too large. Choose one of at most 64 MiB.'
    await page.route('**/attachments?name=*', (route) => route.fulfill({ status: 413, json: { detail } }))
    await choose(app, text)
    await expect(app.main.getByRole('alert')).toHaveText(detail)
    await page.unroute('**/attachments?name=*')
    await app.main.getByRole('button', { name: `Dismiss ${text.name}` }).click()
    await expect(app.main.getByRole('alert')).toBeHidden()
    await choose(app, text)
    await expect(file(app, text.name)).toBeVisible()
  })
})

test('an API without files is not asked for them', async ({ app, member, send, upstream }) => {
  test.skip(upstream === 'demo', 'this API has them')
  expect(member.email).not.toBe('')
  const created = await send('POST', '/api/proxy/notes', { json: { title: 'Plain', body: '' } })
  const { id, _id } = (await created.json()) as { id?: string; _id?: string }
  await app.visit(`/notes/${id ?? _id}`)
  await expect(app.heading('Edit note')).toBeVisible()
  await expect(region(app)).toBeHidden()
})

base.describe('a file that is too large', { tag: '@no-js' }, () => {
  base('is refused in a sentence without JavaScript too', async ({ page }, info) => {
    base.skip(info.project.name !== 'demo-no-js', 'it brings an API of its own')
    const env = { VESTIBULE_PROXY__MAX_REQUEST_BODY: '1000' }
    const vestibule = await startVestibule({ log: info.outputPath('server.log'), env })
    const app = new App(page, false)
    await page.goto(`${vestibule.url}/login`)
    await app.logIn(ada)
    await app.notes().first().getByRole('link').first().click()
    await choose(app, { name: 'large.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(300_000) })
    await expect(app.main.getByRole('alert')).toHaveText('This is too large.')
    await expect(files(app)).toHaveCount(0)
    await choose(app, text)
    await expect(file(app, text.name)).toBeVisible()
    await vestibule.stop()
  })
})
