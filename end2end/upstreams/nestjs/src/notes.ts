import {
  Body,
  Controller,
  Delete,
  Get,
  Injectable,
  NotFoundException,
  Param,
  Patch,
  Post,
  Query,
  Req,
  UseGuards,
} from '@nestjs/common'
import { randomUUID } from 'node:crypto'
import { CookieGuard } from './auth'
import type { Asked } from './auth'
import { checkFields, text } from './validation'

const DEFAULT_LIMIT = 20
const MAX_LIMIT = 100

const rules = {
  title: (value: string) => {
    if (value === '') {
      return 'Enter a title.'
    }
    return value.length > 200 ? 'Use at most 200 characters.' : undefined
  },
  body: (value: string) => (value.length > 20_000 ? 'Use at most 20,000 characters.' : undefined),
}

interface Note {
  id: string
  ownerId: string
  title: string
  body: string
  created_at: string
  updated_at: string
}

type Fields = Record<string, unknown>

/** Everybody's notes, in memory. */
@Injectable()
export class Notes {
  readonly #all = new Map<string, Note>()
  #lastChange = 0

  add(ownerId: string, fields: Fields): Note {
    const title = text(fields?.title).trim()
    const body = text(fields?.body)
    checkFields({ title, body }, rules)
    const now = this.#changeTime()
    const note = { id: randomUUID(), ownerId, title, body, created_at: now, updated_at: now }
    this.#all.set(note.id, note)
    return note
  }

  /** The note, when it is that person's: another's does not exist for her. */
  get(ownerId: string, id: string): Note {
    const note = this.#all.get(id)
    if (note?.ownerId !== ownerId) {
      throw new NotFoundException()
    }
    return note
  }

  change(note: Note, fields: Fields): Note {
    const changes = {
      ...(fields?.title === undefined ? {} : { title: text(fields.title).trim() }),
      ...(fields?.body === undefined ? {} : { body: text(fields.body) }),
    }
    checkFields(changes, rules)
    return Object.assign(note, changes, { updated_at: this.#changeTime() })
  }

  remove(note: Note): void {
    this.#all.delete(note.id)
  }

  /** The newest change first. */
  search(ownerId: string, words: string): Note[] {
    const wanted = words.trim().toLowerCase()
    return [...this.#all.values()]
      .filter((note) => note.ownerId === ownerId && `${note.title}\n${note.body}`.toLowerCase().includes(wanted))
      .sort((one, other) => (one.updated_at < other.updated_at ? 1 : -1))
  }

  /** Now (RFC 3339), but never the same twice: two changes within a millisecond keep their order. */
  #changeTime(): string {
    this.#lastChange = Math.max(Date.now(), this.#lastChange + 1)
    return new Date(this.#lastChange).toISOString()
  }
}

/** `/notes`: each person sees and changes her own. */
@Controller('notes')
@UseGuards(CookieGuard)
export class NotesController {
  constructor(private readonly notes: Notes) {}

  @Get()
  list(@Req() { userId }: Asked, @Query() query: Record<string, unknown>) {
    const found = this.notes.search(userId, text(query.q))
    const limit = Math.min(count(query.$limit, DEFAULT_LIMIT), MAX_LIMIT)
    const skip = count(query.$skip, 0)
    return { total: found.length, limit, skip, data: found.slice(skip, skip + limit).map(shown) }
  }

  @Post()
  create(@Req() { userId }: Asked, @Body() fields: Fields) {
    return shown(this.notes.add(userId, fields))
  }

  @Get(':id')
  read(@Req() { userId }: Asked, @Param('id') id: string) {
    return shown(this.notes.get(userId, id))
  }

  @Patch(':id')
  change(@Req() { userId }: Asked, @Param('id') id: string, @Body() fields: Fields) {
    return shown(this.notes.change(this.notes.get(userId, id), fields))
  }

  @Delete(':id')
  remove(@Req() { userId }: Asked, @Param('id') id: string) {
    const note = this.notes.get(userId, id)
    this.notes.remove(note)
    return shown(note)
  }
}

function shown({ ownerId: _, ...note }: Note) {
  return note
}

function count(value: unknown, otherwise: number): number {
  const number = Number.parseInt(text(value), 10)
  return number >= 0 ? number : otherwise
}
