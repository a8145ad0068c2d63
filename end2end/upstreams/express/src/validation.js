/** The value when it is a string, otherwise the empty one: whatever JSON brings, rules see text. */
export function text(value) {
  return typeof value === 'string' ? value : ''
}

/** What is wrong with the fields of a request. */
export class Invalid extends Error {
  constructor(errors) {
    super('Some fields need another look.')
    this.errors = errors
  }
}

/**
 * Throws a message per field when a rule has one.
 * @param {Record<string, string>} fields
 * @param {Record<string, (value: string) => string | undefined>} rules
 */
export function checkFields(fields, rules) {
  const found = Object.entries(fields).map(([field, value]) => [field, rules[field]?.(value)])
  const errors = Object.fromEntries(found.filter(([, message]) => message))
  if (Object.keys(errors).length > 0) {
    throw new Invalid(errors)
  }
}
