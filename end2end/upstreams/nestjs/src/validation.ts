import { UnprocessableEntityException } from '@nestjs/common'

type Rules = Record<string, (value: string) => string | undefined>

/** The value when it is a string, otherwise the empty one: whatever JSON brings, rules see text. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Answers 422 with a message per field when a rule has one. */
export function checkFields(fields: Record<string, string>, rules: Rules): void {
  const errors: Record<string, string> = {}
  for (const [field, value] of Object.entries(fields)) {
    const message = rules[field]?.(value)
    if (message) {
      errors[field] = message
    }
  }
  if (Object.keys(errors).length > 0) {
    throw new UnprocessableEntityException({ message: 'Some fields need another look.', errors })
  }
}
