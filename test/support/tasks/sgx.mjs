// An SGX task as far as HTTP goes: answers `GET /ra` and `POST /run`, each with what it found of SGX around it.
import { readdirSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

const DEVICE = '/dev/sgx/enclave'
const AESMD = '/var/run/aesmd'

async function surroundings() {
  const { rdev } = statSync(DEVICE)
  const device = { isCharacterDevice: statSync(DEVICE).isCharacterDevice(), major: rdev >> 8, minor: rdev & 0xff }
  return {
    devices: readdirSync('/dev/sgx'),
    device,
    folder: readdirSync(AESMD),
    aesmd: await text(connect(`${AESMD}/aesm.socket`)),
  }
}

const server = createServer(async (request, response) => {
  const { method, url } = request
  const input = await text(request)
  const isKnown = ['GET /ra', 'POST /run'].includes(`${method} ${url}`)
  response.writeHead(isKnown ? 200 : 404).end(JSON.stringify({ method, url, input, ...(await surroundings()) }))
})

server.listen(8080, () => console.log('meca-init-done'))
