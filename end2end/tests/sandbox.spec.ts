import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test as base } from '@playwright/test'
import { startVestibule, type Vestibule } from '../support/vestibule'

// Files that somebody uploaded to the API: each would run a script on the origin that shows it.
const files: Record<string, { type: string; body: string }> = {
  '/page.html': {
    type: 'text/html',
    body: '<!doctype html><title>quiet</title><p>page</p><script>document.title = "ran"</script><img src="x" onerror="document.title = \'ran\'">',
  },
  '/picture.svg': {
    type: 'image/svg+xml',
    body: '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><title>quiet</title><script>document.documentElement.dataset.ran = "yes"</script></svg>',
  },
}

const test = base.extend<{ api: string; vestibule: Vestibule }>({
  api: async ({}, use) => {
    const server = createServer((request, response) => {
      const file = files[request.url ?? '']
      response.writeHead(file === undefined ? 404 : 200, { 'content-type': file?.type ?? 'text/plain' })
      response.end(file?.body ?? 'nothing')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    await close(server)
  },
  vestibule: async ({ api }, use, info) => {
    const log = info.outputPath('server.log')
    const vestibule = await startVestibule({ log, api: { url: api, contract: 'demo' } })
    await use(vestibule)
    await vestibule.stop()
  },
})

function close(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}

const ran = () => document.title === 'ran' || document.documentElement.dataset.ran === 'yes'

test('an uploaded file runs no script on our origin', { tag: ['@js', '@once'] }, async ({ page, api, vestibule }) => {
  for (const path of Object.keys(files)) {
    await page.goto(api + path)
    expect(await page.evaluate(ran), `${path} runs where the API shows it: the test can see it`).toBe(true)

    await page.goto(`${vestibule.url}/api/proxy${path}`)
    expect(await page.evaluate(ran), `${path} does not run through the proxy`).toBe(false)
    expect(await page.evaluate(() => window.origin), 'it has an origin of its own, which holds nothing').toBe('null')
  }
})
