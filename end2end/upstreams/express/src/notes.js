import { randomUUID } from 'node:crypto'
import { Router } from 'express'
import { checkFields, text } from './validation.js'

const DEFAULT_LIMIT = 20
const MAX_LIMIT = 100

const rules = {
  title: (value) => {
    if (value === '') {
      return 'Enter a title.'
    }
    return value.length > 200 ? 'Use at most 200 characters.' : undefined
  },
  body: (value) => (value.length > 20_000 ? 'Use at most 20,000 characters.' : undefined),
}

/** Everybody's notes, in memory. */
export class Notes {
  #all = new Map()
  #lastChange = 0

  add(ownerId, fields) {
    const title = text(fields?.title).trim()
    const body = text(fields?.body)
    checkFields({ title, body }, rules)
    const now = this.#changeTime()
    const note = { id: randomUUID(), ownerId, title, body, created_at: now, updated_at: now }
    this.#all.set(note.id, note)
    return note
  }

  /** The note, when it is that person's: another's does not exist for her. */
  get(ownerId, id) {
    const note = this.#all.get(id)
    return note?.ownerId === ownerId ? note : undefined
  }

  change(note, fields) {
    const changes = {
      ...(fields?.title === undefined ? {} : { title: text(fields.title).trim() }),
      ...(fields?.body === undefined ? {} : { body: text(fields.body) }),
    }
    checkFields(changes, rules)
    return Object.assign(note, changes, { updated_at: this.#changeTime() })
  }

  remove(note) {
    this.#all.delete(note.id)
  }

  /** The newest change first. */
  search(ownerId, words) {
    const wanted = words.trim().toLowerCase()
    return [...this.#all.values()]
      .filter((note) => note.ownerId === ownerId && `${note.title}\n${note.body}`.toLowerCase().includes(wanted))
      .sort((one, other) => (one.updated_at < other.updated_at ? 1 : -1))
  }

  /** Now (RFC 3339), but never the same twice: two changes within a millisecond keep their order. */
  #changeTime() {
    this.#lastChange = Math.max(Date.now(), this.#lastChange + 1)
    return new Date(this.#lastChange).toISOString()
  }
}

/** `/notes` of the person that the guard before found. */
export function notesRouter(notes) {
  const router = Router()

  router.get('/', ({ query, person }, response) => {
    const found = notes.search(person._id, text(query.q))
    const limit = Math.min(count(query.$limit, DEFAULT_LIMIT), MAX_LIMIT)
    const skip = count(query.$skip, 0)
    const data = found.slice(skip, skip + limit).map(shown)
    response.json({ total: found.length, limit, skip, data })
  })

  router.post('/', ({ body, person }, response) => {
    response.status(201).json(shown(notes.add(person._id, body)))
  })

  router.param('id', (request, response, next, id) => {
    request.note = notes.get(request.person._id, id)
    if (request.note === undefined) {
      response.status(404).json({ message: 'There is no such note.' })
      return
    }
    next()
  })

  router
    .route('/:id')
    .get(({ note }, response) => response.json(shown(note)))
    .patch(({ note, body }, response) => response.json(shown(notes.change(note, body))))
    .delete(({ note }, response) => {
      notes.remove(note)
      response.json(shown(note))
    })

  return router
}

function shown({ ownerId: _, ...note }) {
  return note
}

function count(value, otherwise) {
  const number = Number.parseInt(text(value), 10)
  return number >= 0 ? number : otherwise
}
