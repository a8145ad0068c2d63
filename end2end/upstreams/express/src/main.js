// Starts the API alone: `PORT=4031 npm start`. Everything lives in memory and is gone when it stops.
import { once } from 'node:events'
import { createApp } from './app.js'

const app = await createApp({ jwtExpiresIn: process.env.EXPRESS_JWT_EXPIRES_IN ?? '15m' })
const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1')
await once(server, 'listening')
console.log(`Express listens on http://127.0.0.1:${server.address().port}`)

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    server.close()
    server.closeAllConnections()
  })
}
