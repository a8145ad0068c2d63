// Starts the API alone: `PORT=4030 npm start`. Everything lives in memory and is gone when it stops.
import { createApp } from './app.js'
import { seed } from './seed.js'

const app = createApp({ jwtExpiresIn: process.env.FEATHERS_JWT_EXPIRES_IN ?? '15m' })
await seed(app)

const server = await app.listen(Number(process.env.PORT ?? 0), '127.0.0.1')
if (!server.listening) {
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject))
}
console.log(`Feathers listens on http://127.0.0.1:${server.address().port}`)

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    server.close()
    server.closeAllConnections()
  })
}
