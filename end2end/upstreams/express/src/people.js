import { randomBytes, randomUUID, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { checkFields, text } from './validation.js'

const hash = promisify(scrypt)
const HASH_LENGTH = 32

const rules = {
  email: (value) => (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) ? undefined : 'Enter an e-mail address.'),
  password: (value) => (value.length >= 8 ? undefined : 'Use at least 8 characters.'),
  name: (value) => (value === '' ? 'Enter your name.' : undefined),
}

/** Who has an account, in memory. */
export class People {
  #byEmail = new Map()

  /** Adds somebody; throws what is wrong with the fields. */
  async add(fields) {
    const email = text(fields?.email).trim().toLowerCase()
    const name = text(fields?.name).trim()
    const password = text(fields?.password)
    checkFields({ email, name, password }, rules)
    const salt = randomBytes(16)
    const person = { _id: randomUUID(), email, name, salt, hash: await hash(password, salt, HASH_LENGTH) }
    // After the slow hashing: from here to the insertion nothing waits, so two sign-ups cannot both pass.
    const taken = this.#byEmail.has(email)
    checkFields({ email }, { email: () => (taken ? 'This e-mail address has an account already.' : undefined) })
    this.#byEmail.set(email, person)
    return person
  }

  /** The person whose e-mail and password these are. */
  async find(email, password) {
    const person = this.#byEmail.get(text(email).trim().toLowerCase())
    const given = await hash(text(password), person?.salt ?? '', HASH_LENGTH)
    return person !== undefined && timingSafeEqual(given, person.hash) ? person : undefined
  }
}
