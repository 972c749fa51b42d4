import { existsSync, readFileSync } from 'node:fs'
import { homedir, hostname, userInfo } from 'node:os'

/** What configuration depends on besides its own sources; a test brings its own. */
export interface ConfigHost {
  readonly isRoot: boolean
  readonly hostName: string
  readonly homeDir: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** False for what cannot be seen. */
  exists(path: string): boolean
  /** @throws whatever the file system says */
  readText(path: string): string
}

/** This process. The only reader of `process.env`. */
export function thisHost(): ConfigHost {
  return {
    isRoot: userInfo().uid === 0,
    hostName: hostname(),
    homeDir: homedir(),
    environment: process.env, // oxlint-disable-line node/no-process-env
    exists: existsSync,
    readText: (path) => readFileSync(path, 'utf8'),
  }
}
