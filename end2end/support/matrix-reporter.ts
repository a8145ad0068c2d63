import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { FullResult, Reporter, Suite, TestCase } from '@playwright/test/reporter'
import { upstreams, type Upstream } from './api'
import { repository } from './path'

const FILE = path.join(repository, 'docs', 'contract-matrix.md')

const SERVERS: Record<Upstream, string> = {
  demo: 'the demo API (`demo`)',
  feathers: 'FeathersJS 5 (`feathers`)',
  nestjs: 'NestJS (`nestjs` and a refresh cookie)',
  express: 'Express (`auth-token`)',
  fastapi: 'FastAPI (`oauth2-password` and a sign-up)',
}

/** The tag of a test, and what it is about. */
const SCENARIOS = {
  '@log-in': 'log in',
  '@sign-up': 'sign up',
  '@notes': 'notes',
  '@own': 'own notes alone',
  '@expiry': 'token ends',
  '@refresh': 'refresh',
  '@revoked': '401 ends it',
  '@log-out': 'log out',
  '@leak': 'no token leaks',
}

const HEAD = `# Contracts and servers

Made by the browser tests (\`cargo xtask test --only browser\`): which scenario holds on which real server, in Chromium.
✓ all tests of it passed, ✗ one failed, – the server has no such thing.
`

/** Writes the table of server and scenario when a run has filled it whole. */
export default class MatrixReporter implements Reporter {
  #suite: Suite | undefined

  onBegin(_config: unknown, suite: Suite): void {
    this.#suite = suite
  }

  onEnd({ status }: FullResult): void {
    const table = this.#table()
    // An older table says more than a part of a new one.
    if (table === undefined || status === 'interrupted' || status === 'timedout') {
      return
    }
    // Unchanged, it stays untouched.
    if (!existsSync(FILE) || readFileSync(FILE, 'utf8') !== table) {
      writeFileSync(FILE, table)
    }
  }

  #table(): string | undefined {
    const tests = this.#suite?.allTests() ?? []
    const rows = upstreams.map((upstream) => {
      const own = tests.filter((test) => test.parent.project()?.name === upstream)
      return [SERVERS[upstream], ...Object.keys(SCENARIOS).map((tag) => cell(own.filter(({ tags }) => tags.includes(tag))))]
    })
    if (rows.some((row) => row.includes(undefined))) {
      return undefined
    }
    const names = ['server', ...Object.values(SCENARIOS)]
    const lines = [names, names.map((_, index) => (index === 0 ? '---' : ':-:')), ...rows]
    return `${HEAD}\n${lines.map((line) => `| ${line.join(' | ')} |`).join('\n')}\n`
  }
}

function cell(tests: TestCase[]): string | undefined {
  const outcomes = tests.map((test) => (test.results.length === 0 ? 'missing' : test.outcome()))
  if (outcomes.length === 0 || outcomes.includes('missing')) {
    return undefined
  }
  if (outcomes.includes('unexpected')) {
    return '✗'
  }
  return outcomes.every((outcome) => outcome === 'skipped') ? '–' : '✓'
}
