// Tries from inside a sandbox what its input, a JSON object, says; requests that it holds are freed by whoever asks it
// directly, so that a test decides how long a request is under way.
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'

/** Far more than a connection on one host takes. */
const PATIENCE_MS = 1500

const held = new Set()
const watchers = new Set()

function tellWatchers() {
  for (const watcher of watchers) {
    if (held.size < watcher.count) continue
    watchers.delete(watcher)
    watcher.response.end()
  }
}

function hold(_input, response) {
  held.add(response)
  response.on('close', () => held.delete(response))
  tellWatchers()
}

async function tryConnect({ host, port }) {
  const socket = connect({ host, port, timeout: PATIENCE_MS })
  socket.on('timeout', () => socket.destroy(Object.assign(new Error('no answer'), { code: 'SILENCE' })))
  try {
    await once(socket, 'connect')
    return 'connected'
  } catch (error) {
    return error.code
  } finally {
    socket.destroy()
  }
}

async function trySend({ host, port }) {
  const socket = createSocket('udp4')
  try {
    const answered = once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })
    socket.send('ping', port, host)
    await answered
    return 'answered'
  } catch (error) {
    return error.code === 'ABORT_ERR' ? 'SILENCE' : error.code
  } finally {
    socket.close()
  }
}

const DIRECTIVES = {
  hold,
  connect: async (targets, response) => response.end(JSON.stringify(await Promise.all(targets.map(tryConnect)))),
  send: async (targets, response) => response.end(JSON.stringify(await Promise.all(targets.map(trySend)))),
  resolve: async (name, response) => {
    const outcome = await lookup(name).then(
      ({ address }) => address,
      ({ code }) => code,
    )
    response.end(JSON.stringify(outcome))
  },
  answer: ({ status, body }, response) => response.writeHead(status).end(body),
  print: (line, response) => {
    console.log(line)
    response.end()
  },
  ignoreSigterm: (_input, response) => {
    process.on('SIGTERM', () => {})
    response.end('deaf')
  },
}

/** Asked by the test itself, past the daemon. */
const DIRECT = {
  '/held': (url, response) => {
    watchers.add({ count: Number(url.searchParams.get('count')), response })
    tellWatchers()
  },
  /** Whoever asks is answered first: with its last request this task may be ended at once. */
  '/free': (_url, response) => {
    response.end('', () => {
      for (const waiting of held) waiting.end('freed')
    })
  },
}

async function obey(text, request, response) {
  const [name, input] = Object.entries(JSON.parse(text))[0]
  await DIRECTIVES[name](input, response, request)
}

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://task')
  const direct = DIRECT[url.pathname]
  if (direct !== undefined) {
    direct(url, response)
    return
  }
  let text = ''
  request.setEncoding('utf8')
  request.on('data', (chunk) => {
    text += chunk
  })
  request.on('end', () => obey(text, request, response))
})

server.listen(8080, () => console.log('meca-init-done'))
