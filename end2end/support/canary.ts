import type { Exchange } from './recording-proxy'

const TOKEN_FIELDS = new Set(['accessToken', 'access_token', 'authToken', 'refreshToken', 'refresh_token'])

/** Every token that an API gave out, read from its JSON answers and its cookies. */
export function issuedTokens(exchanges: Exchange[]): string[] {
  const cookie = /^set-cookie: refreshToken=([^;\s]+)/gim
  return unique(
    exchanges.flatMap(({ responseBody, responseHeaders }) => [
      ...tokensInJson(Buffer.concat(responseBody).toString()),
      ...[...responseHeaders.matchAll(cookie)].map(([, token]) => token!),
    ]),
  )
}

/** Every access token that an API was called with, in each style of credential. */
export function usedTokens(exchanges: Exchange[]): string[] {
  const bearer = /^(?:authorization: bearer |auth-token: |cookie: accessToken=)([^\s;]+)/gim
  return unique(exchanges.flatMap(({ requestHeaders }) => [...requestHeaders.matchAll(bearer)].map(([, token]) => token!)))
}

function tokensInJson(text: string): string[] {
  const found: string[] = []
  try {
    JSON.parse(text, (key, value: unknown) => {
      if (TOKEN_FIELDS.has(key) && typeof value === 'string') {
        found.push(value)
      }
      return value
    })
  } catch {
    // Not JSON: no token of ours in it.
  }
  return found
}

/** Everything that could be searched for a secret, piece by piece, with a name for each. */
export class Corpus {
  readonly #pieces: { name: string; bytes: Buffer }[] = []

  add(name: string, content: string | Buffer): void {
    this.#pieces.push({ name, bytes: Buffer.from(content) })
  }

  /** What a browser sent and got, and what its cookies hold under their encoding. */
  addExchange(exchange: Exchange): void {
    // Without its query: the name must be fit to print when the query holds the secret.
    const name = `${exchange.method} ${exchange.path.split('?')[0]}`
    this.add(`target of ${name}`, exchange.path)
    this.add(`request headers of ${name}`, exchange.requestHeaders)
    this.add(`request body of ${name}`, Buffer.concat(exchange.requestBody))
    this.add(`response headers of ${name}`, exchange.responseHeaders)
    this.add(`response body of ${name}`, Buffer.concat(exchange.responseBody))
    for (const value of cookieValues(exchange)) {
      this.add(`decoded cookie of ${name}`, Buffer.from(value, 'base64'))
    }
  }

  /** Names of the pieces that hold the secret, each with the form it has there. */
  find(secret: string): string[] {
    const forms = formsOf(secret)
    return this.#pieces.flatMap(({ name, bytes }) =>
      forms.filter(({ needle }) => bytes.includes(needle)).map(({ form }) => `${form} in ${name}`),
    )
  }

  /** Names of the pieces that hold the text as it is. */
  mentions(text: string): string[] {
    return this.#pieces.filter(({ bytes }) => bytes.includes(text)).map(({ name }) => name)
  }
}

/** Cookie values of both directions. `Buffer` reads both alphabets of base64, and skips what is neither. */
function cookieValues({ requestHeaders, responseHeaders }: Exchange): string[] {
  const headers = requestHeaders + responseHeaders
  return [...headers.matchAll(/^(?:set-)?cookie: (.*)$/gim)].flatMap(([, line]) =>
    line!.split(/;\s*/).map((pair) => pair.slice(pair.indexOf('=') + 1).replaceAll(/%2B/gi, '+').replaceAll(/%2F/gi, '/')),
  )
}

interface Form {
  form: string
  needle: Buffer
}

/** The ways in which a token, or the part of a JWT that makes it worth something, may be written. */
export function formsOf(token: string): Form[] {
  const parts: [string, string][] = [['token', token]]
  const [, payload, signature] = token.match(/^[\w-]+\.([\w-]+)\.([\w-]+)$/) ?? []
  if (payload !== undefined && signature !== undefined) {
    parts.push(['payload', payload], ['signature', signature])
  }
  const forms = parts.flatMap(([name, text]) => [
    { form: name, needle: Buffer.from(text) },
    { form: `${name} percent-encoded`, needle: Buffer.from(encodeURIComponent(text)) },
    { form: `${name} in hexadecimal`, needle: Buffer.from(Buffer.from(text).toString('hex')) },
    ...base64Forms(name, text),
  ])
  if (signature !== undefined) {
    forms.push({ form: 'bytes of the signature', needle: Buffer.from(signature, 'base64url') })
  }
  return forms
}

/** Base64 of text inside of something longer: it reads differently at each of three offsets. */
function base64Forms(name: string, text: string): Form[] {
  return [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(text)])
    // Characters at both ends that also depend on the neighbours are left out.
    const start = Math.ceil((offset * 8) / 6)
    const end = Math.floor((bytes.length * 8) / 6)
    return (['base64', 'base64url'] as const).map((encoding) => ({
      form: `${name} as ${encoding} at offset ${offset}`,
      needle: Buffer.from(bytes.toString(encoding).slice(start, end)),
    }))
  })
}

function unique(texts: string[]): string[] {
  return [...new Set(texts)]
}
