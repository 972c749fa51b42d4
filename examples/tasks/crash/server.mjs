// Exits with code 3 before it is ready or, built with CRASH=on-request, with code 7 when its input is `die`.
import { createServer } from 'node:http'

if (process.env.CRASH !== 'on-request') {
  console.error('crash: giving up before anything listens')
  process.exit(3)
}

const server = createServer((request, response) => {
  let input = ''
  request.setEncoding('utf8')
  request.on('data', (text) => {
    input += text
  })
  request.on('end', () => {
    if (input === 'die') process.exit(7)
    response.end('alive')
  })
})

server.listen(8080, () => console.log('meca-init-done'))

process.on('SIGTERM', () => process.exit(0))
