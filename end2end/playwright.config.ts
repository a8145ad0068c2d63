import { defineConfig, devices } from '@playwright/test'
import type { Options } from './support/fixtures'
import { chromiumLaunch } from './support/chromium'
import { described } from './support/described'

// Tests of the tests' own means: they need no browser and no API.
const tools = '**/tools/**'

export default defineConfig<Options>({
  testDir: 'tests',
  outputDir: 'test-results',
  globalSetup: './global-setup',
  fullyParallel: true,
  forbidOnly: process.env.CI !== undefined,
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [['list'], ['html', { open: 'never' }], ['./support/matrix-reporter.ts']],
  use: {
    ...devices['Desktop Chrome'],
    launchOptions: chromiumLaunch(),
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
  },
  // The same tests on two APIs, with JavaScript and without. A test that can only hold for one of the
  // two says so with a tag.
  projects: [
    { name: 'tools', testDir: 'tests/tools' },
    { name: 'demo', testIgnore: tools, use: { upstream: 'demo' }, grepInvert: /@no-js/ },
    {
      name: 'demo-no-js',
      testIgnore: tools,
      use: { upstream: 'demo', javaScriptEnabled: false },
      grepInvert: /@js/,
    },
    // A test that brings an API of its own runs once.
    { name: 'feathers', testIgnore: tools, use: { upstream: 'feathers' }, grepInvert: /@no-js|@once/ },
    {
      name: 'feathers-no-js',
      testIgnore: tools,
      use: { upstream: 'feathers', javaScriptEnabled: false },
      grepInvert: /@js/,
    },
    // The core of it on APIs that Vestibule knows by a settings file alone.
    ...described.map((name) => ({ name, testIgnore: tools, use: { upstream: name }, grep: /@core/ })),
  ],
})
