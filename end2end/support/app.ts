import { expect, type Locator, type Page, type Response } from '@playwright/test'
import type { Person } from './person'

/** The app as a person meets it in one tab: everything by its role and its label. */
export class App {
  readonly header: Locator
  readonly main: Locator

  constructor(
    readonly page: Page,
    readonly javaScript: boolean,
  ) {
    this.header = page.getByRole('banner')
    this.main = page.getByRole('main')
  }

  /** Loads the document, and waits for its hydration when there is JavaScript. */
  async visit(path: string): Promise<Response | null> {
    const response = await this.page.goto(path)
    await this.ready()
    return response
  }

  async reload(): Promise<void> {
    await this.page.reload()
    await this.ready()
  }

  /** Call it after anything that loads a document. */
  async ready(): Promise<void> {
    if (this.javaScript) {
      await expect(this.page.locator('html')).toHaveAttribute('data-hydrated', 'true')
    }
  }

  heading(name: string): Locator {
    return this.page.getByRole('heading', { level: 1, name, exact: true })
  }

  /** A text field of the page, by its label. */
  field(label: string): Locator {
    return this.main.getByRole('textbox', { name: label, exact: true })
  }

  /** The password field, which has no role of its own. */
  password(): Locator {
    return this.main.getByLabel('Password', { exact: true })
  }

  searchField(): Locator {
    return this.main.getByRole('search').getByLabel('Search notes')
  }

  /** A message that the app puts into one of its status regions. */
  status(text: string): Locator {
    return this.page.getByRole('status').filter({ hasText: text })
  }

  /** Fills in the log-in page that is open, and sends it. */
  async logIn({ email, password }: Pick<Person, 'email' | 'password'>): Promise<void> {
    await this.field('E-mail').fill(email)
    await this.password().fill(password)
    await this.main.getByRole('button', { name: 'Log in' }).click()
  }

  /** Fills in the sign-up page that is open, and sends it. */
  async signUp({ name, email, password }: Person): Promise<void> {
    await this.field('Name').fill(name)
    await this.field('E-mail').fill(email)
    await this.password().fill(password)
    await this.main.getByRole('button', { name: 'Sign up' }).click()
  }

  async logOut(): Promise<void> {
    await this.header.getByRole('button', { name: 'Log out' }).click()
    await this.expectLoggedOut()
  }

  /** The header greets nobody. */
  async expectLoggedOut(): Promise<void> {
    await expect(this.header.getByRole('link', { name: 'Log in' })).toBeVisible()
    await expect(this.header.getByRole('link', { name: 'Account' })).toBeHidden()
    await expect(this.header.getByRole('button', { name: 'Log out' })).toBeHidden()
  }

  /** The header offers the account and the way out, not the way in. */
  async expectLoggedIn(): Promise<void> {
    await expect(this.header.getByRole('link', { name: 'Account' })).toBeVisible()
    await expect(this.header.getByRole('button', { name: 'Log out' })).toBeVisible()
    await expect(this.header.getByRole('link', { name: 'Log in' })).toBeHidden()
  }

  async expectPath(path: string): Promise<void> {
    await expect.poll(() => this.path()).toBe(path)
  }

  /** Path and query of the address bar. */
  path(): string {
    const { pathname, search } = new URL(this.page.url())
    return pathname + search
  }

  /** The note with this title in the list. */
  note(title: string): Locator {
    const heading = this.page.getByRole('heading', { level: 2, name: title, exact: true })
    return this.notes().filter({ has: heading })
  }

  /** All notes in the list. */
  notes(): Locator {
    return this.page.getByRole('list', { name: 'Notes', exact: true }).getByRole('listitem')
  }

  async addNote(title: string, text: string): Promise<void> {
    await this.field('Title').fill(title)
    await this.field('Text').fill(text)
    await this.main.getByRole('button', { name: 'Add note' }).click()
    await expect(this.note(title)).toBeVisible()
    await expect(this.note(title), 'the API has it').not.toHaveAttribute('aria-busy')
  }

  /** Deletes a note in the list. With JavaScript it can be undone for a while. */
  async deleteNote(title: string): Promise<void> {
    await this.note(title).getByRole('button', { name: `Delete ${title}` }).click()
    await expect(this.note(title)).toBeHidden()
  }

  /** The API's answer to the next deletion that the page sends. */
  deletion(): Promise<Response> {
    return this.page.waitForResponse((response) => response.request().method() === 'DELETE')
  }

  async search(words: string): Promise<void> {
    await this.searchField().fill(words)
    await this.main.getByRole('search').getByRole('button', { name: 'Search' }).click()
  }
}
