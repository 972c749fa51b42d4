import type { RegistryCredentials } from '../engine.ts'

/** The value of `X-Registry-Auth`, as the Engine reads it: JSON in URL-safe base64. */
export function registryAuth({ registry, kind, username, secret }: RegistryCredentials): string {
  const serveraddress = registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry
  const auth =
    kind === 'identityToken'
      ? { username, identitytoken: secret, serveraddress }
      : { username, password: secret, serveraddress }
  // With padding: Engines before 23 demand it.
  return Buffer.from(JSON.stringify(auth)).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}
