import { expect, test } from '../support/fixtures'
import { SHORT_LIFE } from '../support/lifetime'
import { ada } from '../support/person'

test.use({ life: 'short' })

const withRefresh = ['demo', 'nestjs', 'fastapi']

test('a session goes on beyond the end of its access token', { tag: ['@core', '@refresh'] }, async ({ send, upstream }) => {
  test.skip(!withRefresh.includes(upstream), 'This API has no refresh tokens.')
  const form = { email: ada.email, password: ada.password, return_to: '/notes' }
  expect((await send('POST', '/api/login', { form })).status()).toBeLessThan(400)
  const since = Date.now()
  // Nothing else tells that a token is past its end.
  await expect.poll(() => Date.now() - since).toBeGreaterThan(SHORT_LIFE.access * 1000 + 250)

  expect((await send('GET', '/api/proxy/notes')).status()).toBe(200)
  expect(await (await send('GET', '/api/session')).json()).toMatchObject({ loggedIn: true, user: { email: ada.email } })
})
