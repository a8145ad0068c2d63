import { startApi } from '../support/api'
import { sessionCookies } from '../support/cookie'
import { expect, test as base } from '../support/fixtures'
import { ada } from '../support/person'
import { freePort } from '../support/port'
import { startVestibule } from '../support/vestibule'

interface Rig {
  /** Stops the API and starts it again: it has forgotten all tokens. */
  restart(): Promise<void>
  url: string
}

const test = base.extend<{ rig: Rig }>({
  rig: async ({ upstream }, use, testInfo) => {
    const port = await freePort()
    let api = await startApi(upstream, testInfo.outputPath('api.log'), port)
    const vestibule = await startVestibule({ log: testInfo.outputPath('vestibule.log'), api })
    const restart = async () => {
      await api.stop()
      api = await startApi(upstream, testInfo.outputPath('api-again.log'), port)
    }
    await use({ restart, url: vestibule.url })
    await vestibule.stop()
    await api.stop()
  },

  baseURL: async ({ rig }, use) => {
    await use(rig.url)
  },
})

test('a token that the API takes no more ends the session', { tag: ['@core', '@revoked'] }, async ({ rig, send, context }) => {
  const form = { email: ada.email, password: ada.password, return_to: '/notes' }
  expect((await send('POST', '/api/login', { form })).status()).toBeLessThan(400)
  expect((await send('GET', '/api/proxy/notes')).status()).toBe(200)

  await rig.restart()
  expect((await send('GET', '/api/proxy/notes')).status()).toBe(401)
  expect(await sessionCookies(context)).toEqual([])
  expect(await (await send('GET', '/api/session')).json()).toMatchObject({ loggedIn: false, user: null })
  expect((await send('POST', '/api/login', { form })).status()).toBeLessThan(400)
  expect((await send('GET', '/api/proxy/notes')).status()).toBe(200)
})
