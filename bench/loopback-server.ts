/** The smallest task server, on a loopback port: reads its input, answers with 25 bytes. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const BODY = 'Hello from the loopback.\n'

const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': BODY.length })
    response.end(BODY)
  })
})
// Kept as long as the benchmark keeps it.
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { address, port } = server.address() as AddressInfo
process.stderr.write(`${JSON.stringify({ addresses: [`${address}:${port}`], msg: 'the server serves' })}\n`)
