// The token waits in an HttpOnly cookie of this origin; the API wants it as a bearer.
import Cookies from 'cookies'
import httpProxy from 'http-proxy'

const PREFIX = '/api/proxy'
const proxy = httpProxy.createProxyServer()

// The body is streamed, so nothing may read it first.
export const config = { api: { bodyParser: false, externalResolver: true } }

export default function handler(request, response) {
  return new Promise((resolve, reject) => {
    const token = new Cookies(request, response).get('session')
    request.url = request.url.slice(PREFIX.length)
    delete request.headers.cookie
    if (token) request.headers.authorization = `Bearer ${token}`
    response.once('close', resolve)
    proxy.web(request, response, { target: process.env.API_URL, changeOrigin: true }, reject)
  })
}
