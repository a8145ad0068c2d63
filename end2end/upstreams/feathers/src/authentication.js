import { randomBytes } from 'node:crypto'
import { AuthenticationService, JWTStrategy } from '@feathersjs/authentication'
import { LocalStrategy } from '@feathersjs/authentication-local'
import { hooks as schemaHooks } from '@feathersjs/schema'

/** `POST /authentication`: e-mail and password for a JWT. There are no refresh tokens. */
export const authentication = ({ expiresIn }) => (app) => {
  app.set('authentication', {
    entity: 'user',
    service: 'users',
    // Users are lost with the process, so their tokens may be as well.
    secret: randomBytes(32).toString('hex'),
    authStrategies: ['jwt', 'local'],
    jwtOptions: { audience: 'http://127.0.0.1', algorithm: 'HS256', expiresIn },
    local: { usernameField: 'email', passwordField: 'password' },
  })

  const service = new AuthenticationService(app)
  service.register('jwt', new JWTStrategy())
  service.register('local', new EmailStrategy())
  app.use('authentication', service)
  // Without it the answer would hold the user as stored, hash of the password included.
  app.service('authentication').hooks({ around: { all: [schemaHooks.resolveExternal()] } })
}

/** Accounts are stored in lower case; a person may type theirs as they like. */
class EmailStrategy extends LocalStrategy {
  async findEntity(email, params) {
    return super.findEntity(typeof email === 'string' ? email.trim().toLowerCase() : '', params)
  }
}
