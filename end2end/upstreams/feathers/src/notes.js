import { randomUUID } from 'node:crypto'
import { authenticate } from '@feathersjs/authentication'
import { MemoryService } from '@feathersjs/memory'
import { hooks as schemaHooks, resolve } from '@feathersjs/schema'
import { checkFields, text } from './validation.js'

const rules = {
  title: (value) => {
    if (value === '') {
      return 'Enter a title.'
    }
    return value.length > 200 ? 'Use at most 200 characters.' : undefined
  },
  body: (value) => (value.length > 20_000 ? 'Use at most 20,000 characters.' : undefined),
}

const shown = resolve({ ownerId: async () => undefined })

/** `/notes`: each person sees and changes her own; another's note does not exist for her (404). */
export function notes(app) {
  app.use('notes', new MemoryService({ id: 'id', paginate: { default: 20, max: 100 } }), {
    methods: ['find', 'get', 'create', 'patch', 'remove'],
  })
  app.service('notes').hooks({
    around: { all: [schemaHooks.resolveExternal(shown), authenticate('jwt')] },
    before: {
      find: [searchOwn],
      get: [onlyOwn],
      create: [readNewNote],
      patch: [onlyOwn, readChanges],
      remove: [onlyOwn],
    },
  })
}

/** Turns `q`, `$limit` and `$skip` into a query; anything else a client sends is left out. */
async function searchOwn(context) {
  const { q, $limit, $skip } = context.params.query ?? {}
  const words = text(q).trim()
  const pattern = new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'i')
  context.params.query = {
    ownerId: context.params.user.id,
    ...(words === '' ? {} : { $or: [{ title: pattern }, { body: pattern }] }),
    ...($limit === undefined ? {} : { $limit }),
    ...($skip === undefined ? {} : { $skip }),
    $sort: { updated_at: -1 },
  }
}

async function onlyOwn(context) {
  context.params.query = { ownerId: context.params.user.id }
}

async function readNewNote(context) {
  const title = text(context.data?.title).trim()
  const body = text(context.data?.body)
  checkFields({ title, body }, rules)
  const now = changeTime()
  context.data = { id: randomUUID(), ownerId: context.params.user.id, title, body, created_at: now, updated_at: now }
}

async function readChanges(context) {
  const { title, body } = context.data ?? {}
  const changes = {
    ...(title === undefined ? {} : { title: text(title).trim() }),
    ...(body === undefined ? {} : { body: text(body) }),
  }
  checkFields(changes, rules)
  context.data = { ...changes, updated_at: changeTime() }
}

let lastChange = 0

/** Now (RFC 3339), but never the same twice: two changes within a millisecond keep their order. */
function changeTime() {
  lastChange = Math.max(Date.now(), lastChange + 1)
  return new Date(lastChange).toISOString()
}
