import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request and its answer, byte for byte, however far it got. */
export interface Exchange {
  method: string
  path: string
  requestHeaders: string
  requestBody: Buffer[]
  status: number | undefined
  responseHeaders: string
  responseBody: Buffer[]
}

interface Options {
  /** Origin that the requests are passed on to. */
  target: string
  /** Where to listen; any free port when there is none. */
  port?: number
}

/** A reverse proxy that passes everything on as it is and keeps a copy, to see what goes over the wire. */
export class RecordingProxy {
  readonly exchanges: Exchange[] = []
  readonly #server: Server
  readonly #target: URL

  private constructor(target: string) {
    this.#target = new URL(target)
    this.#server = createServer((incoming, outgoing) => this.#pass(incoming, outgoing))
  }

  static async start({ target, port = 0 }: Options): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(target)
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject)
      proxy.#server.listen(port, '127.0.0.1', resolve)
    })
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    // Compressed bodies could not be searched.
    const headers = without(incoming.rawHeaders, 'accept-encoding')
    const exchange: Exchange = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      requestHeaders: lines(incoming.rawHeaders),
      requestBody: [],
      status: undefined,
      responseHeaders: '',
      responseBody: [],
    }
    this.exchanges.push(exchange)

    const { hostname, port } = this.#target
    const forwarded = request({ hostname, port, method: incoming.method, path: incoming.url, headers, setHost: false })
    forwarded.on('response', (answer) => {
      exchange.status = answer.statusCode
      exchange.responseHeaders = lines(answer.rawHeaders)
      outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders)
      answer.on('data', (chunk: Buffer) => exchange.responseBody.push(chunk))
      answer.on('error', () => outgoing.destroy())
      answer.pipe(outgoing)
    })
    forwarded.on('error', () => outgoing.destroy())
    outgoing.on('close', () => forwarded.destroy())
    incoming.on('data', (chunk: Buffer) => exchange.requestBody.push(chunk))
    incoming.pipe(forwarded)
  }
}

/** `[name, value, name, value, …]` without the pairs of one name. */
function without(rawHeaders: string[], name: string): string[] {
  return rawHeaders.filter((_, index) => rawHeaders[index - (index % 2)]?.toLowerCase() !== name)
}

function lines(rawHeaders: string[]): string {
  return rawHeaders.map((part, index) => part + (index % 2 === 0 ? ': ' : '\n')).join('')
}
