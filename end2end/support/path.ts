import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))

export const end2endDirectory = path.dirname(here)
export const repository = path.dirname(end2endDirectory)
export const targetDirectory = path.join(repository, 'target')
export const logDirectory = path.join(end2endDirectory, 'test-results', 'servers')
export const pictureDirectory = path.join(end2endDirectory, 'test-results', 'pictures')

/** The profile that was built last: a release, or what `cargo leptos end-to-end` has just made. */
export function builtProfile(): 'release' | 'debug' {
  return builtAt('debug') > builtAt('release') ? 'debug' : 'release'
}

function builtAt(profile: string): number {
  return statSync(path.join(targetDirectory, profile, 'vestibule'), { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/** Throws one line that names the command to run when `file` is missing. */
export function requireFile(file: string, command: string): void {
  if (!existsSync(file)) {
    throw new Error(`${file} is missing. Make it first: ${command}`)
  }
}
