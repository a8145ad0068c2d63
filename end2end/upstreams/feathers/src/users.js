import { authenticate } from '@feathersjs/authentication'
import { passwordHash } from '@feathersjs/authentication-local'
import { Forbidden } from '@feathersjs/errors'
import { MemoryService } from '@feathersjs/memory'
import { hooks as schemaHooks, resolve } from '@feathersjs/schema'
import { randomUUID } from 'node:crypto'
import { checkFields, text } from './validation.js'

const rules = {
  email: (value) => (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) ? undefined : 'Enter an e-mail address.'),
  password: (value) => (value.length >= 8 ? undefined : 'Use at least 8 characters.'),
  name: (value) => (value === '' ? 'Enter your name.' : undefined),
}

const stored = resolve({ password: passwordHash({ strategy: 'local' }) })
const shown = resolve({ password: async () => undefined })

/** `POST /users` signs up; after that a person reads and changes her own record alone. */
export function users(app) {
  app.use('users', new MemoryService({ id: 'id' }), { methods: ['create', 'get', 'find', 'patch'] })
  app.service('users').hooks({
    around: {
      all: [schemaHooks.resolveExternal(shown)],
      find: [internalOnly],
      get: [authenticate('jwt'), ownRecordOnly],
      patch: [authenticate('jwt'), ownRecordOnly],
    },
    before: {
      create: [readNewUser, schemaHooks.resolveData(stored), checkEmailIsFree],
      patch: [readChanges, schemaHooks.resolveData(stored), checkEmailIsFree],
    },
  })
}

async function internalOnly(context, next) {
  if (context.params.provider) {
    throw new Forbidden('People cannot be listed.')
  }
  await next()
}

async function ownRecordOnly(context, next) {
  // Logging in reads the record before there is a token; the strategy hands over the user it found.
  if (context.params.provider && context.params.user?.id !== context.id) {
    throw new Forbidden('This is not your account.')
  }
  await next()
}

async function readNewUser(context) {
  const email = text(context.data?.email).trim().toLowerCase()
  const name = text(context.data?.name).trim()
  const password = text(context.data?.password)
  checkFields({ email, name, password }, rules)
  context.data = { id: randomUUID(), email, name, password }
}

async function readChanges(context) {
  const { name, password } = context.data ?? {}
  const changes = {
    ...(name === undefined ? {} : { name: text(name).trim() }),
    ...(password === undefined ? {} : { password: text(password) }),
  }
  checkFields(changes, rules)
  context.data = changes
}

/** Runs after the slow hashing: from here to the insertion nothing waits, so two sign-ups cannot both pass. */
async function checkEmailIsFree(context) {
  const { email } = context.data
  if (email === undefined) {
    return
  }
  const taken = Object.values(context.service.store).some((user) => user.email === email)
  checkFields({ email }, { email: () => (taken ? 'This e-mail address has an account already.' : undefined) })
}
