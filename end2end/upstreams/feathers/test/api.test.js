import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { createApp } from '../src/app.js'
import { seed } from '../src/seed.js'

let origin
let server

before(async () => {
  const app = createApp({ jwtExpiresIn: '15m' })
  await seed(app)
  server = await app.listen(0, '127.0.0.1')
  if (!server.listening) await once(server, 'listening')
  origin = `http://127.0.0.1:${server.address().port}`
})

after(() => {
  server.close()
  server.closeAllConnections()
})

async function call(method, path, { token, body } = {}) {
  const answer = await fetch(origin + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const text = await answer.text()
  return { status: answer.status, text, json: JSON.parse(text) }
}

const logIn = async (email, password = 'vestibule-demo') =>
  call('POST', '/authentication', { body: { strategy: 'local', email, password } })

const tokenOf = async (email) => (await logIn(email)).json.accessToken

test('a log-in answers a token and the user without the password', async () => {
  const { status, json, text } = await logIn('ADA@example.com')
  assert.equal(status, 201)
  assert.match(json.accessToken, /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/)
  assert.equal(json.user.email, 'ada@example.com')
  assert.equal(json.user.name, 'Ada Lovelace')
  assert.doesNotMatch(text, /password|\$2[aby]\$/)
})

test('a wrong password, an unknown e-mail and no e-mail are the same 401', async () => {
  for (const answer of [
    await logIn('ada@example.com', 'wrong'),
    await logIn('nobody@example.com'),
    await logIn({ $ne: null }),
  ]) {
    assert.equal(answer.status, 401)
    assert.equal(answer.json.className, 'not-authenticated')
    assert.equal(answer.json.message, 'Invalid login')
  }
})

test('a sign-up keeps the password to itself, and an e-mail is taken once', async () => {
  const body = { email: 'New@example.com', name: 'New', password: 'long-enough', role: 'admin' }
  const first = await call('POST', '/users', { body })
  assert.equal(first.status, 201)
  assert.deepEqual(Object.keys(first.json).sort(), ['email', 'id', 'name'])
  const second = await call('POST', '/users', { body })
  assert.equal(second.status, 422)
  assert.match(second.json.errors.email, /already/)
  assert.equal((await logIn('new@example.com', 'long-enough')).status, 201)
})

test('two sign-ups at once with one e-mail: one wins', async () => {
  const body = { email: 'race@example.com', name: 'Race', password: 'long-enough' }
  const answers = await Promise.all(Array.from({ length: 5 }, () => call('POST', '/users', { body })))
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 422, 422, 422, 422])
})

test('bad sign-up fields are named', async () => {
  const { status, json } = await call('POST', '/users', { body: { email: 'no', password: 'short' } })
  assert.equal(status, 422)
  assert.deepEqual(Object.keys(json.errors).sort(), ['email', 'name', 'password'])
})

test('people cannot be listed, nor read by another', async () => {
  const ada = (await logIn('ada@example.com')).json
  const grace = (await logIn('grace@example.com')).json
  assert.equal((await call('GET', '/users', { token: ada.accessToken })).status, 403)
  assert.equal((await call('GET', `/users/${grace.user.id}`, { token: ada.accessToken })).status, 403)
  assert.equal((await call('GET', `/users/${ada.user.id}`)).status, 401)
  const own = await call('GET', `/users/${ada.user.id}`, { token: ada.accessToken })
  assert.equal(own.status, 200)
  assert.doesNotMatch(own.text, /password/)
})

test('a person can change name and password, not the e-mail', async () => {
  const body = { email: 'change@example.com', name: 'Before', password: 'long-enough' }
  const { id } = (await call('POST', '/users', { body })).json
  const token = (await logIn(body.email, body.password)).json.accessToken
  const changes = { name: 'After', email: 'ada@example.com', password: 'another-one' }
  const changed = await call('PATCH', `/users/${id}`, { token, body: changes })
  assert.equal(changed.status, 200)
  assert.deepEqual(changed.json, { id, email: body.email, name: 'After' })
  assert.equal((await logIn(body.email, body.password)).status, 401)
  assert.equal((await logIn(body.email, 'another-one')).status, 201)
})

test('notes need a token', async () => {
  for (const [method, path] of [['GET', '/notes'], ['POST', '/notes'], ['GET', '/notes/1'], ['DELETE', '/notes/1']]) {
    assert.equal((await call(method, path)).status, 401, `${method} ${path}`)
    assert.equal((await call(method, path, { token: 'not.a.token' })).status, 401, `${method} ${path}`)
  }
})

test('notes: create, list newest change first, search, page, patch, remove', async () => {
  const token = await tokenOf('grace@example.com')
  const created = await call('POST', '/notes', { token, body: { title: 'Nanoseconds', body: 'Wires (30 cm)', ownerId: 'x' } })
  assert.equal(created.status, 201)
  assert.deepEqual(Object.keys(created.json).sort(), ['body', 'created_at', 'id', 'title', 'updated_at'])
  assert.match(created.json.updated_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

  const titles = async (query) => (await call('GET', `/notes${query}`, { token })).json.data.map(({ title }) => title)
  assert.deepEqual(await titles(''), ['Nanoseconds', 'Compiler', 'Moth in relay 70'])
  assert.deepEqual(await titles('?q=MOTH'), ['Moth in relay 70'])
  assert.deepEqual(await titles('?q=(30 cm)'), ['Nanoseconds'])
  assert.deepEqual(await titles('?q=.*'), [])
  assert.deepEqual(await titles('?$limit=1&$skip=1'), ['Compiler'])
  assert.deepEqual(await titles('?ownerId[$ne]=x'), await titles(''))

  const { total, limit, skip } = (await call('GET', '/notes?$limit=2&$skip=2', { token })).json
  assert.deepEqual({ total, limit, skip }, { total: 3, limit: 2, skip: 2 })

  const moth = (await call('GET', '/notes?q=moth', { token })).json.data[0]
  const patched = await call('PATCH', `/notes/${moth.id}`, { token, body: { title: 'The moth' } })
  assert.equal(patched.status, 200)
  assert.equal(patched.json.body, moth.body)
  assert.deepEqual(await titles('?$limit=1'), ['The moth'])
  assert.equal((await call('PATCH', `/notes/${moth.id}`, { token, body: { title: ' ' } })).status, 422)

  assert.equal((await call('DELETE', `/notes/${moth.id}`, { token })).status, 200)
  assert.equal((await call('GET', `/notes/${moth.id}`, { token })).status, 404)
  assert.equal((await call('DELETE', '/notes', { token })).status, 405)
})

test("another person's note does not exist", async () => {
  const ada = await tokenOf('ada@example.com')
  const grace = await tokenOf('grace@example.com')
  const { id } = (await call('GET', '/notes?q=Note+G', { token: ada })).json.data[0]
  assert.equal((await call('GET', `/notes/${id}`, { token: grace })).status, 404)
  assert.equal((await call('PATCH', `/notes/${id}`, { token: grace, body: { title: 'mine' } })).status, 404)
  assert.equal((await call('DELETE', `/notes/${id}`, { token: grace })).status, 404)
  assert.equal((await call('GET', `/notes/${id}`, { token: ada })).json.title, 'Note G')
})
