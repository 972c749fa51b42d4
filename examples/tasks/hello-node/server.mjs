// Greets whomever the input names.
import { createServer } from 'node:http'

const server = createServer((request, response) => {
  let input = ''
  request.setEncoding('utf8')
  request.on('data', (text) => {
    input += text
  })
  request.on('end', () => {
    response.setHeader('content-type', 'text/plain; charset=utf-8')
    response.end(`Hello, ${input}!`)
  })
})

// Only once connections are accepted may the mark be printed.
server.listen(8080, () => console.log('meca-init-done'))

// Main processes of a container ignore SIGTERM unless they say otherwise.
process.on('SIGTERM', () => process.exit(0))
