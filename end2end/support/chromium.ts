import type { LaunchOptions } from '@playwright/test'

/** How Chromium is started: quiet, and from `CHROMIUM_PATH` when that is set. */
export function chromiumLaunch(): LaunchOptions {
  const asRoot = process.getuid?.() === 0
  return {
    executablePath: process.env.CHROMIUM_PATH || undefined,
    args: [
      ...(asRoot ? ['--no-sandbox'] : []),
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  }
}
