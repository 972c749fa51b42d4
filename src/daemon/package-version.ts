import { readFileSync } from 'node:fs'

/** Two folders up from here is the package, in a checkout (src/daemon) and in the published package (dist/daemon). */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
