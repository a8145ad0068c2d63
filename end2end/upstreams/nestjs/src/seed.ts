import type { Notes } from './notes'
import type { Users } from './users'

const password = 'vestibule-demo'

const people = [
  {
    email: 'ada@example.com',
    name: 'Ada Lovelace',
    notes: [
      { title: 'Numbers and symbols', body: 'The engine might act upon other things besides number.' },
      { title: 'Note G', body: 'Work out the Bernoulli numbers, step by step.' },
      { title: 'Letter to Mary Somerville', body: 'Ask for the calculus book back.' },
    ],
  },
  {
    email: 'grace@example.com',
    name: 'Grace Hopper',
    notes: [
      { title: 'Moth in relay 70', body: 'Taped into the log book, panel F.' },
      { title: 'Compiler', body: 'The subroutines have call numbers: let it look them up itself.' },
    ],
  },
]

/** Puts in two people with notes of their own, through the same services as any caller. */
export async function seed(users: Users, noteStore: Notes): Promise<void> {
  for (const { notes, email, name } of people) {
    const { id } = await users.add({ email, name, password })
    for (const note of notes) {
      noteStore.add(id, note)
    }
  }
}
