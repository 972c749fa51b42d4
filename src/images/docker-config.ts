import { z } from 'zod'
import type { RegistryCredentials } from '../engine/engine.ts'

/** What a Docker config file says about registries; all else in it is not ours. */
export interface DockerConfig {
  readonly auths: Readonly<Record<string, DockerAuth>>
  /** Helper for every registry without one of its own. */
  readonly credsStore: string | undefined
  readonly credHelpers: Readonly<Record<string, string>>
}

interface DockerAuth {
  readonly auth?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly identitytoken?: string | undefined
}

const text = z.string().optional()

const schema = z.object({
  auths: z.record(z.string(), z.object({ auth: text, username: text, password: text, identitytoken: text })).optional(),
  credsStore: text,
  credHelpers: z.record(z.string(), z.string()).optional(),
})

/** Undefined when it is no such file. Its text never gets into an error: it holds secrets. */
export function parseDockerConfig(json: string): DockerConfig | undefined {
  try {
    const { auths = {}, credsStore, credHelpers = {} } = schema.parse(JSON.parse(json))
    return { auths, credsStore: credsStore || undefined, credHelpers }
  } catch {
    return undefined
  }
}

/** What the file itself holds for a registry, and for no other. */
export function storedCredentials(config: DockerConfig, registry: string): RegistryCredentials | undefined {
  const entry = Object.entries(config.auths).find(([server]) => registryOfServer(server) === registry)
  return entry === undefined ? undefined : readAuth(entry[1], registry)
}

/** The helper to ask about a registry. */
export function helperFor(config: DockerConfig, registry: string): string | undefined {
  const entry = Object.entries(config.credHelpers).find(([server]) => registryOfServer(server) === registry)
  return entry?.[1] ?? config.credsStore
}

/** Docker Hub is known to config files and helpers by the address of its first API. */
export function serverAddressOf(registry: string): string {
  return registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry
}

/** `https://registry.example:5000/v1/` and `Registry.example:5000` are one registry. Ports are part of it. */
function registryOfServer(server: string): string {
  const host = server
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/s, '')
    .toLowerCase()
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host
}

function readAuth(entry: DockerAuth, registry: string): RegistryCredentials | undefined {
  const decoded = Buffer.from(entry.auth ?? '', 'base64')
    .toString()
    .replace(/\0+$/, '')
  const colon = decoded.indexOf(':')
  const username = colon > 0 ? decoded.slice(0, colon) : (entry.username ?? '')
  const password = colon > 0 ? decoded.slice(colon + 1) : (entry.password ?? '')
  if (entry.identitytoken) return { registry, kind: 'identityToken', username, secret: entry.identitytoken }
  return username === '' ? undefined : { registry, kind: 'password', username, secret: password }
}
