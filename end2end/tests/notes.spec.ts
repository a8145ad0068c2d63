import { expect, test } from '../support/fixtures'
import { unique } from '../support/person'

// Whoever tests here is new to the API: the list holds her notes of this test alone.
test.beforeEach(async ({ app, member }) => {
  expect(member.email).not.toBe('')
  await app.visit('/notes')
})

test('a note is added and stays', { tag: ['@core', '@notes'] }, async ({ app }) => {
  const title = unique('Shopping')
  await expect(app.main.getByText('No notes yet.')).toBeVisible()
  await app.addNote(title, 'Tea, bread & "butter"')
  await expect(app.note(title)).toContainText('Tea, bread & "butter"')
  await expect(app.main.getByText('No notes yet.')).toBeHidden()
  if (app.javaScript) {
    await expect(app.status('Note added.')).toBeVisible()
    await expect(app.field('Title')).toHaveValue('')
  }
  await app.reload()
  await expect(app.note(title)).toContainText('Tea, bread & "butter"')
  await expect(app.notes()).toHaveCount(1)
})

test('the newest change comes first', async ({ app }) => {
  await app.addNote('First', 'one')
  await app.addNote('Second', 'two')
  await expect(app.notes().getByRole('heading')).toHaveText(['Second', 'First'])
  await app.note('First').getByRole('link', { name: 'Edit First' }).click()
  await expect(app.heading('Edit note')).toBeVisible()
  await app.ready()
  await app.field('Text').fill('one and a half')
  await app.main.getByRole('button', { name: 'Save' }).click()
  await expect(app.heading('Notes')).toBeVisible()
  await expect(app.notes().getByRole('heading')).toHaveText(['First', 'Second'])
})

test('a note is edited', { tag: ['@core', '@notes'] }, async ({ app }) => {
  const [before, after] = [unique('Before'), unique('After')]
  await app.addNote(before, 'old text')
  await app.note(before).getByRole('link', { name: `Edit ${before}` }).click()
  await expect(app.heading('Edit note')).toBeVisible()
  await app.ready()
  await expect(app.field('Title')).toHaveValue(before)
  await expect(app.field('Text')).toHaveValue('old text')
  await app.field('Title').fill(after)
  await app.field('Text').fill('new text,\nin two lines')
  await app.main.getByRole('button', { name: 'Save' }).click()

  await expect(app.heading('Notes')).toBeVisible()
  await expect(app.note(after)).toContainText('in two lines')
  await expect(app.note(before)).toBeHidden()
  await app.reload()
  await expect(app.note(after)).toContainText('new text')
  await expect(app.notes()).toHaveCount(1)
})

test('leaving the editor changes nothing', async ({ app }) => {
  const title = unique('Kept')
  await app.addNote(title, 'kept text')
  await app.note(title).getByRole('link', { name: title, exact: true }).click()
  await expect(app.heading('Edit note')).toBeVisible()
  await app.ready()
  await app.field('Title').fill('Thrown away')
  await app.main.getByRole('link', { name: 'Cancel' }).click()
  await expect(app.heading('Notes')).toBeVisible()
  await expect(app.note(title)).toContainText('kept text')
})

test('a note is deleted from the list', async ({ app }) => {
  await app.addNote('Stays', 'text')
  await app.addNote('Goes', 'text')
  // With JavaScript it is gone at once, and deleted when the time to undo is over.
  const deletion = app.javaScript ? app.deletion() : undefined
  await app.deleteNote('Goes')
  await expect(app.status('Note deleted.')).toBeVisible()
  expect((await deletion)?.ok() ?? true).toBe(true)
  await app.reload()
  await expect(app.notes().getByRole('heading')).toHaveText(['Stays'])
})

test('a note is deleted from its own page', async ({ app }) => {
  await app.addNote('Goes', 'text')
  await app.note('Goes').getByRole('link', { name: 'Edit Goes' }).click()
  await expect(app.heading('Edit note')).toBeVisible()
  await app.ready()
  const deletion = app.javaScript ? app.deletion() : undefined
  await app.main.getByRole('button', { name: 'Delete' }).click()
  await expect(app.heading('Notes')).toBeVisible()
  await expect(app.main.getByText('No notes yet.')).toBeVisible()
  expect((await deletion)?.ok() ?? true).toBe(true)
  await app.reload()
  await expect(app.main.getByText('No notes yet.')).toBeVisible()
})

test('the search finds titles and texts', async ({ app }) => {
  await app.addNote('Green tea', 'from the hills')
  await app.addNote('Coffee', 'not as good as tea')
  await app.addNote('Water', 'from the tap')
  await app.search('TEA')
  await expect(app.note('Water')).toBeHidden()
  await expect(app.notes().getByRole('heading')).toHaveText(['Coffee', 'Green tea'])
  expect(new URL(app.page.url()).searchParams.get('q')).toBe('TEA')

  await app.reload()
  await expect(app.notes()).toHaveCount(2)
  await expect(app.searchField()).toHaveValue('TEA')

  await app.search('100% <of> & .*')
  await expect(app.main.getByText('No note matches “100% <of> & .*”.')).toBeVisible()
  await expect(app.notes()).toHaveCount(0)
})

test('many notes come in pages', async ({ app, send }) => {
  const count = 30
  for (let number = 1; number <= count; number += 1) {
    const answer = await send('POST', '/api/proxy/notes', { json: { title: `Number ${number}`, body: '' } })
    expect(answer.status()).toBe(201)
  }
  await app.visit('/notes')
  const pages = app.main.getByRole('navigation', { name: 'Pages' })
  const titles: string[] = []
  await expect(pages.getByText('Page 1 of')).toBeVisible()
  const last = Number((await pages.textContent())?.match(/Page 1 of (\d+)/)?.[1])
  expect(last).toBeGreaterThan(1)
  for (let page = 1; page <= last; page += 1) {
    await expect(pages.getByText(`Page ${page} of ${last}`)).toBeVisible()
    await expect(app.note(`Number ${count - titles.length}`)).toBeVisible()
    titles.push(...(await app.notes().getByRole('heading').allTextContents()))
    if (page < last) {
      await pages.getByRole('link', { name: 'Next' }).click()
    }
  }
  expect(titles).toEqual(Array.from({ length: count }, (_, index) => `Number ${count - index}`))
  await pages.getByRole('link', { name: 'Previous' }).click()
  await expect(pages.getByText(`Page ${last - 1} of ${last}`)).toBeVisible()
})

test('what a person writes is text, not markup', async ({ app }) => {
  const title = '<img src=/no-such-image onerror=alert(1)> </script><b>bold'
  await app.addNote(title, '<script>document.title = "taken over"</script>{{ 1 + 1 }}')
  await app.reload()
  await expect(app.note(title)).toContainText('<script>document.title = "taken over"</script>{{ 1 + 1 }}')
  await expect(app.page).toHaveTitle('Notes · Vestibule')
})
