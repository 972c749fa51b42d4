import type { Config } from './config.ts'
import type { ConfigFlags } from './flags.ts'
import type { ConfigHost } from './host.ts'
import { loadConfig } from './load.ts'

export interface TestHostOptions {
  readonly files?: Readonly<Record<string, string>>
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly isRoot?: boolean
  readonly hostName?: string
}

/** A host whose files are texts in memory: root on `edge-1`, with nothing set, unless told otherwise. */
export function testHost(options: TestHostOptions = {}): ConfigHost {
  const files = new Map(Object.entries(options.files ?? {}))
  return {
    isRoot: options.isRoot ?? true,
    hostName: options.hostName ?? 'edge-1',
    homeDir: '/home/ann',
    environment: options.environment ?? {},
    exists: (path) => files.has(path),
    readText(path) {
      const text = files.get(path)
      if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`)
      return text
    },
  }
}

/** What a daemon on such a host would be. */
export function load(options: TestHostOptions = {}, flags: ConfigFlags = {}): Config {
  return loadConfig(flags, testHost(options)).config
}
