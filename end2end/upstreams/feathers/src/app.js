import { feathers } from '@feathersjs/feathers'
import { bodyParser, errorHandler, koa, parseAuthentication, rest } from '@feathersjs/koa'
import { authentication } from './authentication.js'
import { notes } from './notes.js'
import { users } from './users.js'

/**
 * The API, not yet listening.
 * @param {{ jwtExpiresIn: string }} options how long an access token lives, as `jsonwebtoken` writes it: `15m`, `3s`
 */
export function createApp({ jwtExpiresIn }) {
  const app = koa(feathers())
  app.use(errorHandler())
  app.use(parseAuthentication())
  app.use(bodyParser())
  app.configure(rest())
  app.configure(authentication({ expiresIn: jwtExpiresIn }))
  app.configure(users)
  app.configure(notes)
  return app
}
