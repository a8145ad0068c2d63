import { randomUUID } from 'node:crypto'

/** Somebody who can log in. */
export interface Person {
  name: string
  email: string
  password: string
}

/** The people that each API starts with, and a note that each of them has there. */
export const ada: Person = { name: 'Ada Lovelace', email: 'ada@example.com', password: 'vestibule-demo' }
export const adasNote = 'Note G'
export const grace: Person = { name: 'Grace Hopper', email: 'grace@example.com', password: 'vestibule-demo' }
export const gracesNote = 'Compiler'

/** Somebody whom no API knows yet, so that tests side by side do not see each other's notes. */
export function stranger(): Person {
  const mark = unique('')
  return { name: `Person ${mark}`, email: `person-${mark}@example.com`, password: `pass word & ${mark}` }
}

/** Text that occurs nowhere else: what a test finds by it is its own. */
export function unique(text: string): string {
  return `${text} ${randomUUID().slice(0, 8)}`.trim()
}
