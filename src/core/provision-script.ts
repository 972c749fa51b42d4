/** Run in a sandbox before its command. */
export interface ProvisionScript {
  /** `^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$`. */
  readonly name: string
  /** With a `#!` line; without one it is run by `/bin/sh`. */
  readonly content: string | Uint8Array
  /** Of a string. Default: `utf8`. */
  readonly encoding?: 'utf8' | 'base64'
  readonly args?: readonly string[]
}

/** As JSON can carry it. */
export function encodeScript(script: ProvisionScript): ProvisionScript {
  if (typeof script.content === 'string') return script
  return { ...script, content: Buffer.from(script.content).toString('base64'), encoding: 'base64' }
}

/** With its content as it is to be written. */
export function decodeScript({ name, content, encoding, args }: ProvisionScript): ProvisionScript {
  const bytes = encoding === 'base64' && typeof content === 'string' ? Buffer.from(content, 'base64') : content
  return { name, content: bytes, ...(args !== undefined && { args }) }
}
