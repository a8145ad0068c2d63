import { Unprocessable } from '@feathersjs/errors'

/** The value when it is a string, otherwise the empty one: whatever JSON brings, rules see text. */
export function text(value) {
  return typeof value === 'string' ? value : ''
}

/**
 * Answers 422 with a message per field when a rule has one.
 * @param {Record<string, string>} fields
 * @param {Record<string, (value: string) => string | undefined>} rules
 */
export function checkFields(fields, rules) {
  const errors = {}
  for (const [field, value] of Object.entries(fields)) {
    const message = rules[field]?.(value)
    if (message) {
      errors[field] = message
    }
  }
  if (Object.keys(errors).length > 0) {
    throw new Unprocessable('Some fields need another look.', { errors })
  }
}
