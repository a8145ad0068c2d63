import { Body, Controller, Injectable, Post } from '@nestjs/common'
import { randomBytes, randomUUID, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { checkFields, text } from './validation'

const hash = promisify<string, Buffer, number, Buffer>(scrypt)
const HASH_LENGTH = 32

const rules = {
  email: (value: string) => (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) ? undefined : 'Enter an e-mail address.'),
  password: (value: string) => (value.length >= 8 ? undefined : 'Use at least 8 characters.'),
  name: (value: string) => (value === '' ? 'Enter your name.' : undefined),
}

export interface User {
  id: string
  email: string
  name: string
  salt: Buffer
  hash: Buffer
}

/** Who has an account, in memory. */
@Injectable()
export class Users {
  readonly #byEmail = new Map<string, User>()

  async add(fields: Record<string, unknown>): Promise<User> {
    const email = text(fields?.email).trim().toLowerCase()
    const name = text(fields?.name).trim()
    const password = text(fields?.password)
    checkFields({ email, name, password }, rules)
    const salt = randomBytes(16)
    const user = { id: randomUUID(), email, name, salt, hash: await hash(password, salt, HASH_LENGTH) }
    // After the slow hashing: from here to the insertion nothing waits, so two sign-ups cannot both pass.
    const taken = this.#byEmail.has(email)
    checkFields({ email }, { email: () => (taken ? 'This e-mail address has an account already.' : undefined) })
    this.#byEmail.set(email, user)
    return user
  }

  async find(email: unknown, password: unknown): Promise<User | undefined> {
    const user = this.#byEmail.get(text(email).trim().toLowerCase())
    const given = await hash(text(password), user?.salt ?? Buffer.alloc(0), HASH_LENGTH)
    return user !== undefined && timingSafeEqual(given, user.hash) ? user : undefined
  }

  byId(id: string): User | undefined {
    return [...this.#byEmail.values()].find((user) => user.id === id)
  }
}

/** `POST /api/users` signs up. */
@Controller('api/users')
export class UsersController {
  constructor(private readonly users: Users) {}

  @Post()
  async signUp(@Body() fields: Record<string, unknown>) {
    const { id, email, name } = await this.users.add(fields)
    return { id, email, name }
  }
}
