import { once } from 'node:events'
import { createServer, request, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test as base } from '@playwright/test'
import { RecordingProxy } from '../../support/recording-proxy'

const test = base.extend<{ proxied(listener: RequestListener): Promise<RecordingProxy> }>({
  proxied: async ({}, use) => {
    const started: { server: Server; proxy: RecordingProxy }[] = []
    await use(async (listener) => {
      const server = createServer(listener).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const proxy = await RecordingProxy.start({ target })
      started.push({ server, proxy })
      return proxy
    })
    for (const { server, proxy } of started) {
      await proxy.stop()
      server.close()
    }
  },
})

test('passes a request and its answer on, and keeps both', async ({ proxied }) => {
  const proxy = await proxied((incoming, outgoing) => {
    const { authorization, host } = incoming.headers
    expect(incoming.headers['accept-encoding']).toBeUndefined()
    outgoing.writeHead(201, [['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2']].flat())
    incoming.on('data', (chunk: Buffer) => outgoing.write(chunk))
    incoming.on('end', () => outgoing.end(`|${authorization}|${host}|${incoming.method} ${incoming.url}`))
  })
  const answer = await fetch(`${proxy.url}/notes?q=a%20b`, {
    method: 'POST',
    headers: { authorization: 'Bearer one.two.three' },
    body: 'sent',
  })
  const { host } = new URL(proxy.url)
  expect(answer.status).toBe(201)
  expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  expect(await answer.text()).toBe(`sent|Bearer one.two.three|${host}|POST /notes?q=a%20b`)

  expect(proxy.exchanges).toHaveLength(1)
  const [exchange] = proxy.exchanges
  expect(exchange).toMatchObject({ method: 'POST', path: '/notes?q=a%20b', status: 201 })
  expect(exchange!.requestHeaders).toContain('authorization: Bearer one.two.three\n')
  expect(exchange!.responseHeaders).toContain('Set-Cookie: a=1\nSet-Cookie: b=2\n')
  expect(Buffer.concat(exchange!.requestBody).toString()).toBe('sent')
  expect(Buffer.concat(exchange!.responseBody).toString()).toContain('sent|Bearer')
})

test('streams, and lets go of the upstream when the client does', async ({ proxied }) => {
  let letGo: () => void
  const gone = new Promise<void>((resolve) => (letGo = resolve))
  const proxy = await proxied((_, outgoing) => {
    outgoing.write('first')
    outgoing.on('close', letGo)
  })
  const client = request(proxy.url).end()
  const [answer] = await once(client, 'response')
  const [chunk] = await once(answer, 'data')
  expect(String(chunk)).toBe('first')
  client.destroy()
  await gone
})

test('a target that is away is a broken connection, not a crash', async ({ proxied }) => {
  const proxy = await proxied((_, outgoing) => outgoing.destroy())
  await expect(fetch(proxy.url)).rejects.toThrow()
  expect(proxy.exchanges).toHaveLength(1)
})
