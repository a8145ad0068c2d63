// An upstream as Node.js has it. Its first argument is how long it keeps an unused connection, in
// milliseconds; without one, Node's own limit holds, which Node then tells in `Keep-Alive`.
'use strict'
const http = require('node:http')

const arrivals = new Map()
let connections = 0

const server = http.createServer((request, response) => {
  if (request.url === '/counts') {
    const twice = [...arrivals].filter(([name, count]) => name.startsWith('POST') && count > 1)
    response.end(JSON.stringify({ requests: arrivals.size, connections, twice: twice.length }))
    return
  }
  const name = `${request.method} ${request.url}`
  arrivals.set(name, (arrivals.get(name) ?? 0) + 1)
  let length = 0
  request.on('data', (chunk) => { length += chunk.length })
  request.on('end', () => {
    // A header of the program's own takes the place of Node's two about connections.
    if (limit !== undefined) response.setHeader('Connection', 'keep-alive')
    response.end(`${name} ${length}`)
  })
})

const limit = process.argv[2] === undefined ? undefined : Number(process.argv[2])
if (limit !== undefined) {
  server.keepAliveTimeout = limit
  server.keepAliveTimeoutBuffer = 0
}
server.on('connection', () => { connections += 1 })
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
