import { expect, test } from '@playwright/test'
import { Corpus, formsOf, issuedTokens, usedTokens } from '../../support/canary'
import type { Exchange } from '../../support/recording-proxy'

const signature = 'qhFL_Ad5subg1rvLBq0VAIMGqhbe_5k8UJogWzKgqTc'
const payload = Buffer.from('{"sub":"1","note":"?>~"}').toString('base64url')
const token = `eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.${payload}.${signature}`

function exchange(parts: Partial<Exchange>): Exchange {
  return {
    method: 'GET',
    path: '/',
    requestHeaders: '',
    requestBody: [],
    status: 200,
    responseHeaders: '',
    responseBody: [],
    ...parts,
  }
}

function found(content: string | Buffer): string[] {
  const corpus = new Corpus()
  corpus.add('piece', content)
  return corpus.find(token)
}

test('a token is found in each way of writing it', () => {
  for (const secret of [token, payload, signature]) {
    expect(found(`before ${secret} after`)).not.toEqual([])
    expect(found(Buffer.from(secret).toString('hex'))).not.toEqual([])
    for (const prefix of ['', 'x', 'xy', 'xyz', '{"access_token":"']) {
      for (const encoding of ['base64', 'base64url'] as const) {
        expect(found(Buffer.from(`${prefix}${secret}"}`).toString(encoding)), `${prefix} ${encoding}`).not.toEqual([])
      }
    }
  }
  expect(found(Buffer.concat([Buffer.from('x'), Buffer.from(signature, 'base64url')]))).toEqual([
    'bytes of the signature in piece',
  ])
})

test('an opaque token is found percent-encoded as well', () => {
  const corpus = new Corpus()
  corpus.add('query', '?refresh_token=a%2Fb%2Bc%3D')
  expect(corpus.find('a/b+c=')).toEqual(['token percent-encoded in query'])
})

test('text without the token is clean', () => {
  expect(found('eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.another-signature')).toEqual([])
  expect(formsOf(token).every(({ needle }) => needle.length >= 20)).toBe(true)
})

test('tokens are read from the API\'s answers and from the calls to it', () => {
  const exchanges = [
    exchange({ responseBody: [Buffer.from('{"access_'), Buffer.from('token":"one","user":{"refresh_token":"two"}}')] }),
    exchange({ responseBody: [Buffer.from('<html>"access_token":"none"')] }),
    exchange({ requestHeaders: 'host: api\nAuthorization: Bearer one\nAccept: */*\n' }),
  ]
  expect(issuedTokens(exchanges).sort()).toEqual(['one', 'two'])
  expect(usedTokens(exchanges)).toEqual(['one'])
})

test('every part of an exchange is searched, and cookies under their encoding', () => {
  const hidden = Buffer.from(`\x01\x02${token}`).toString('base64')
  for (const parts of [
    { path: `/?t=${token}` },
    { requestHeaders: `Authorization: Bearer ${token}\n` },
    { requestBody: [Buffer.from(token.slice(0, 30)), Buffer.from(token.slice(30))] },
    { responseHeaders: `X-Token: ${token}\n` },
    { responseHeaders: `Set-Cookie: vestibule=${hidden}; Path=/\n` },
    { requestHeaders: `Cookie: a=b; vestibule=${Buffer.from(hidden).toString('base64url')}\n` },
    { responseBody: [Buffer.from(token.slice(0, 50)), Buffer.from(token.slice(50))] },
  ]) {
    const corpus = new Corpus()
    corpus.addExchange(exchange(parts))
    expect(corpus.find(token), JSON.stringify(Object.keys(parts))).not.toEqual([])
  }
})
