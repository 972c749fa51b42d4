/**
 * The proxy that anybody writes first: node:http in front, a keep-alive http.Agent behind, bodies piped both ways. The
 * yardstick for throughput. Arguments: the upstream's address, then the addresses to listen on.
 */
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type Address, formatAddress, parseAddress } from './support/address.ts'

/** Headers that concern one connection alone. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'proxy-connection']

const [upstream, ...listen] = process.argv.slice(2).map(parseAddress)
if (upstream === undefined) throw new Error('usage: naive-proxy.ts UPSTREAM LISTEN...')
const target = 'path' in upstream ? { socketPath: upstream.path } : upstream
const agent = new Agent({ keepAlive: true, maxSockets: 256 })

function forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, url: path, headers } = incoming
  const asked = request({ ...target, agent, method, path, headers: endToEnd(headers) }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers))
    answer.pipe(outgoing)
  })
  asked.on('error', () => outgoing.destroy())
  outgoing.on('close', () => {
    if (!outgoing.writableFinished) asked.destroy()
  })
  incoming.pipe(asked)
}

function endToEnd(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  const kept = { ...headers }
  for (const name of HOP_BY_HOP) delete kept[name]
  return kept
}

async function serve(address: Address): Promise<string> {
  const server = createServer(forward)
  server.listen(address)
  await once(server, 'listening')
  const bound = server.address()
  return formatAddress(
    bound !== null && typeof bound === 'object' ? { host: bound.address, port: bound.port } : address,
  )
}

const addresses = await Promise.all(listen.map(serve))
process.stderr.write(`${JSON.stringify({ addresses, msg: 'the proxy serves' })}\n`)
