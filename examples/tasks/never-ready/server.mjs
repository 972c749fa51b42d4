// Listens and answers, but never says that it is ready.
import { createServer } from 'node:http'

const server = createServer((_request, response) => {
  response.end('answered without being ready')
})

server.listen(8080, () => console.log('listening'))

process.on('SIGTERM', () => process.exit(0))
