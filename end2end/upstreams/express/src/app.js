import { randomBytes } from 'node:crypto'
import express from 'express'
import jwt from 'jsonwebtoken'
import { Notes, notesRouter } from './notes.js'
import { People } from './people.js'
import { seed } from './seed.js'
import { Invalid } from './validation.js'

/**
 * The API, not yet listening. A token comes from `POST /login`, and goes into the header `auth-token`.
 * There are no refresh tokens.
 * @param {{ jwtExpiresIn: string }} options how long a token lives, as `jsonwebtoken` writes it: `15m`, `3s`
 */
export async function createApp({ jwtExpiresIn }) {
  // People are lost with the process, so their tokens may be as well.
  const secret = randomBytes(32).toString('hex')
  const people = new People()
  const notes = new Notes()
  await seed(people, notes)

  const app = express()
  app.disable('x-powered-by')
  app.use(express.json())

  app.post('/register', async ({ body }, response) => {
    response.status(201).json(shown(await people.add(body)))
  })

  app.post('/login', async ({ body }, response) => {
    const person = await people.find(body?.email, body?.password)
    if (person === undefined) {
      response.status(401).json({ message: 'Email or password is wrong' })
      return
    }
    const authToken = jwt.sign(shown(person), secret, { expiresIn: jwtExpiresIn })
    response.json({ authToken })
  })

  app.use('/notes', guard(secret), notesRouter(notes))
  app.use((_request, response) => response.status(404).json({ message: 'There is nothing here.' }))
  app.use(answerError)
  return app
}

/** Lets nobody pass without a good token in `auth-token`. */
const guard = (secret) => (request, response, next) => {
  try {
    request.person = jwt.verify(request.header('auth-token') ?? '', secret, { algorithms: ['HS256'] })
  } catch {
    response.status(401).json({ message: 'Access denied' })
    return
  }
  next()
}

// Express knows a handler of errors by its four parameters.
function answerError(error, _request, response, _next) {
  if (error instanceof Invalid) {
    response.status(422).json({ message: error.message, errors: error.errors })
    return
  }
  const status = error.status ?? 500
  if (status >= 500) {
    console.error(error)
  }
  response.status(status).json({ message: status < 500 ? error.message : 'Something went wrong.' })
}

function shown({ _id, email, name }) {
  return { _id, email, name }
}
