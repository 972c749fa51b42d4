/** Where something listens, in the form that `net.connect` takes. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string }

/** Reads what the daemon and the servers of this folder print: `unix:/PATH` or `HOST:PORT`. */
export function parseAddress(text: string): Address {
  if (text.startsWith('unix:')) return { path: text.slice('unix:'.length) }
  const colon = text.lastIndexOf(':')
  const port = Number(text.slice(colon + 1))
  if (colon < 1 || !Number.isInteger(port)) throw new Error(`no address: ${text}`)
  return { host: text.slice(0, colon), port }
}

export function formatAddress(address: Address): string {
  return 'path' in address ? `unix:${address.path}` : `${address.host}:${address.port}`
}
