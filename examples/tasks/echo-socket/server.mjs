// Gives its input back, on a unix socket where Errand offers one: that saves the container's network on every request.
import { createServer } from 'node:http'

const server = createServer((request, response) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => response.end(Buffer.concat(chunks)))
})

server.listen(process.env.ERRAND_SOCKET ?? 8080, () => console.log('meca-init-done'))

process.on('SIGTERM', () => process.exit(0))
