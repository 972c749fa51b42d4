// Takes 3 s to get ready, and as long per request as its input says: {"sleepMs": 500}.
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const START_MS = 3000
const DEFAULT_SLEEP_MS = 1000

function requestedSleepMs(input) {
  try {
    return Number(JSON.parse(input).sleepMs ?? DEFAULT_SLEEP_MS)
  } catch {
    return DEFAULT_SLEEP_MS
  }
}

const server = createServer((request, response) => {
  let input = ''
  request.setEncoding('utf8')
  request.on('data', (text) => {
    input += text
  })
  request.on('end', async () => {
    const sleepMs = requestedSleepMs(input)
    await sleep(sleepMs)
    response.end(`slept ${sleepMs} ms`)
  })
})

process.on('SIGTERM', () => process.exit(0))

await sleep(START_MS)
server.listen(8080, () => console.log('meca-init-done'))
