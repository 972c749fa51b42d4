// Does what its input, a JSON object, orders: the part of a task that tests need and that no sample has.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

const ORDERS = {
  /** Tells how the request arrived. */
  describe: ({ method, url, headers }, response) => response.end(JSON.stringify({ method, url, headers })),
  status: (_request, response, { status, body }) => response.writeHead(status).end(body),
  bytes: (_request, response, { count }) => response.end(Buffer.alloc(count, 'x')),
  read: (_request, response, { path }) => response.end(readFileSync(path)),
  sleep: (_request, response, { ms }) => setTimeout(() => response.end('slept'), ms),
  /** Says so in its log and never answers. */
  hang: () => console.log('hanging'),
  printAndExit: (_request, _response, { line, times, code }) => {
    process.stdout.write(`${line}\n`.repeat(times))
    process.exit(code)
  },
}

const server = createServer((request, response) => {
  let input = ''
  request.setEncoding('utf8')
  request.on('data', (text) => {
    input += text
  })
  request.on('end', () => {
    const order = JSON.parse(input)
    ORDERS[order.order](request, response, order)
  })
})

server.listen(8080, () => console.log('meca-init-done'))

process.on('SIGTERM', () => process.exit(0))
