// Turns against its node as its input, a JSON object, says. Serves on its socket where it has one, so that it can replace it.
import { execFileSync, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { reverse } from 'node:dns/promises'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { env } from 'node:process'

const SOCKET = env.ERRAND_SOCKET ?? ''
const BUSYBOX = '/bin/busybox'
const MIB = 2 ** 20
/** Far more than a connection on one host takes. */
const PATIENCE_MS = 1500

/** What takes the place of the socket. */
const REPLACEMENTS = {
  link: ({ target }, path) => fs.symlinkSync(target, path),
  fifo: (_order, path) => execFileSync(BUSYBOX, ['mkfifo', path]),
  directory: (_order, path) => fs.mkdirSync(path),
  file: (_order, path) => fs.writeFileSync(path, 'HTTP/1.1 200 OK\r\n\r\n'),
  nothing: () => {},
}

/** Calls `act` until it throws, or often enough; how often it worked, and why it does no more. */
function untilRefused(act, most = Number.POSITIVE_INFINITY) {
  for (let times = 0; times < most; times += 1) {
    try {
      act(times)
    } catch ({ code }) {
      return { times, code }
    }
  }
  return { times: most, code: 'ENOUGH' }
}

async function outcomeOf(attempt) {
  try {
    return await attempt
  } catch ({ code }) {
    return code === 'ABORT_ERR' ? 'SILENCE' : code
  }
}

async function greet(options) {
  const socket = connect(options)
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(PATIENCE_MS) })
    return 'connected'
  } finally {
    socket.destroy()
  }
}

async function ping({ host, port }) {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  try {
    const answered = once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })
    socket.send('ping', port, host)
    await answered
    return 'answered'
  } finally {
    socket.close()
  }
}

/** Processes that do nothing. */
async function fork({ most }) {
  const children = []
  let code = 'ENOUGH'
  try {
    while (children.length < most) {
      const child = spawn(BUSYBOX, ['sleep', '1000'], { stdio: 'ignore' })
      await once(child, 'spawn')
      children.push(child)
    }
  } catch (error) {
    code = error.code
  }
  for (const child of children) child.kill('SIGKILL')
  return { times: children.length, code }
}

const ORDERS = {
  nothing: () => 'here',
  environment: () => env,
  identity: () => ({ uid: process.getuid(), status: fs.readFileSync('/proc/self/status', 'utf8') }),
  read: ({ path }) => fs.readFileSync(path, 'utf8'),
  list: ({ path }) => fs.readdirSync(path),
  exists: ({ paths }) => paths.filter((path) => fs.existsSync(path)),
  connect: ({ targets }) => Promise.all(targets.map((target) => outcomeOf(greet(target)))),
  ping: ({ targets }) => Promise.all(targets.map((target) => outcomeOf(ping(target)))),
  reverse: ({ address }) => outcomeOf(reverse(address)),
  /** Takes effect with the answer, whose connection is closed. */
  replaceSocket: (order) => {
    fs.unlinkSync(SOCKET)
    REPLACEMENTS[order.by](order, SOCKET)
    return 'replaced'
  },
  fillSocketFolder: () => {
    const folder = SOCKET.slice(0, SOCKET.lastIndexOf('/'))
    const inodes = untilRefused((index) => fs.writeFileSync(`${folder}/${index}`, ''))
    const file = fs.openSync(`${folder}/0`, 'a')
    return { inodes, kibibytes: untilRefused(() => fs.writeSync(file, Buffer.alloc(1024))) }
  },
  write: ({ path, mebibytes }) => {
    const file = fs.openSync(path, 'w')
    return untilRefused(() => fs.writeSync(file, Buffer.alloc(MIB, 'x')), mebibytes)
  },
  /** A file without content that says that it is so long. */
  stretch: ({ path, mebibytes }) => {
    fs.writeFileSync(path, '')
    fs.truncateSync(path, mebibytes * MIB)
    return 'stretched'
  },
  createFiles: ({ folder, most }) => {
    fs.mkdirSync(folder)
    return untilRefused((index) => fs.writeFileSync(`${folder}/${index}`, ''), most)
  },
  /** What it writes has no name any more, but is there. */
  writeHidden: ({ path, mebibytes }) => {
    const file = fs.openSync(path, 'w')
    fs.unlinkSync(path)
    return untilRefused(() => fs.writeSync(file, Buffer.alloc(MIB, 'x')), mebibytes)
  },
  openFiles: ({ most }) => {
    const open = []
    const outcome = untilRefused(() => open.push(fs.openSync('/dev/null')), most)
    for (const file of open) fs.closeSync(file)
    return outcome
  },
  fork,
  takeMemory: ({ mebibytes }) => {
    const hoard = []
    return untilRefused(() => hoard.push(Buffer.alloc(MIB, 'x')), mebibytes)
  },
  print: async ({ mebibytes }) => {
    await print(mebibytes)
    return 'printed'
  },
}

async function print(mebibytes) {
  const line = `${'x'.repeat(1023)}\n`.repeat(1024)
  for (let printed = 0; printed < mebibytes; printed += 1) {
    if (!process.stdout.write(line)) await once(process.stdout, 'drain')
  }
}

const server = createServer(async (request, response) => {
  const chunks = await request.toArray()
  // Every request comes on a connection of its own, so that the next one finds what has become of the socket.
  response.setHeader('connection', 'close')
  try {
    const order = JSON.parse(Buffer.concat(chunks).toString())
    const outcome = await ORDERS[order.order](order)
    if (!order.isSilent) response.end(JSON.stringify(outcome))
  } catch (error) {
    response.writeHead(500).end(String(error))
  }
})

// An image can make it print before it is ready, when somebody still listens.
await print(Number(env.PRINT_FIRST_MIB ?? 0))
server.listen(SOCKET || 8080, () => console.log('meca-init-done'))
