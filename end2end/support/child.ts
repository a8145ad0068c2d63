import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const STOP_TIMEOUT = 15_000
const POLL_INTERVAL = 50

export interface Start {
  command: string
  args?: string[]
  cwd: string
  env: Record<string, string | undefined>
  /** File that gets standard output and standard error. */
  log: string
  /** Folder that is deleted once the process has stopped. */
  scratch?: string
}

/** A server that we started, with its output in a file. */
export class Child {
  readonly log: string
  readonly #process: ChildProcess
  readonly #scratch: string | undefined
  #failure: Error | undefined

  constructor({ command, args = [], cwd, env, log, scratch }: Start) {
    const output = openSync(log, 'w')
    this.log = log
    this.#scratch = scratch
    this.#process = spawn(command, args, { cwd, env, stdio: ['ignore', output, output] })
    this.#process.once('error', (error) => (this.#failure = error))
    closeSync(output)
    running.add(this)
  }

  /** Polls until `probe` answers something, and fails early when the process has ended. */
  async until<T>(what: string, probe: () => Promise<T | undefined>, timeout = 60_000): Promise<T> {
    for (const end = Date.now() + timeout; Date.now() < end; await delay(POLL_INTERVAL)) {
      if (this.#hasEnded) {
        const { exitCode, signalCode } = this.#process
        const cause = this.#failure?.message ?? `ended (${exitCode ?? signalCode})`
        throw new Error(`${this.#name} ${cause} before ${what}:\n${this.output().slice(-2_000)}`)
      }
      const answer = await probe()
      if (answer !== undefined) {
        return answer
      }
    }
    throw new Error(`${this.#name}: no ${what} in ${timeout} ms:\n${this.output().slice(-2_000)}`)
  }

  output(): string {
    return readFileSync(this.log, 'utf8')
  }

  async stop(): Promise<void> {
    running.delete(this)
    if (!this.#hasEnded) {
      const ended = new Promise((resolve) => this.#process.once('exit', resolve))
      this.#process.kill('SIGTERM')
      const inTime = await Promise.race([ended.then(() => true), delay(STOP_TIMEOUT, false, { ref: false })])
      if (!inTime) {
        this.#process.kill('SIGKILL')
        await ended
      }
    }
    if (this.#scratch !== undefined) {
      await rm(this.#scratch, { recursive: true, force: true })
    }
  }

  killNow(): void {
    this.#process.kill('SIGKILL')
  }

  get #hasEnded(): boolean {
    const { exitCode, signalCode } = this.#process
    return this.#failure !== undefined || exitCode !== null || signalCode !== null
  }

  get #name(): string {
    return path.basename(this.log, '.log')
  }
}

const running = new Set<Child>()

/** Stops every server that this process started. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((child) => child.stop()))
}

// The last resort, for an interrupted run: nothing that we started outlives us.
process.once('exit', () => running.forEach((child) => child.killNow()))

/** Our environment without the settings of a developer's own Vestibule. */
export function cleanEnvironment(): Record<string, string | undefined> {
  const ours = /^(VESTIBULE|LEPTOS|DEMO_API|FEATHERS|NEST|EXPRESS|FASTAPI)_|^PORT$/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)))
}
