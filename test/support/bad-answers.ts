import type { Socket } from 'node:net'
import { ok, type RawAnswer } from '../../src/forward/raw-server.fixture.ts'

/** An answer of a task server, and what its caller gets: a code of ours, or the task's own answer. */
export interface StrangeAnswer {
  readonly what: string
  readonly bytes: RawAnswer
  readonly gives: string | { readonly status: number; readonly msg: string }
}

const BAD = 'bad_task_response'
const CLOSED = 'task_connection_closed'
const OK = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`
const hello = { status: 200, msg: 'hello' }

/** Writes the same bytes again and again, after `first`, until the connection is cut. */
export function flood(bytes: string | Buffer, first: string | Buffer = ''): (socket: Socket) => void {
  return (socket) => {
    socket.write(first)
    const block = Buffer.concat(Array.from({ length: Math.ceil(65_536 / bytes.length) }, () => Buffer.from(bytes)))
    const more = (): void => {
      while (!socket.destroyed && socket.write(block));
    }
    socket.on('drain', more)
    more()
  }
}

/** Sends the second part once the first has had the time to be read. */
function inTwo(first: string, second: string): (socket: Socket) => void {
  return (socket) => void socket.write(first, () => setImmediate(() => socket.write(second)))
}

const notHttp: StrangeAnswer[] = [
  { what: 'the greeting of an SSH server', bytes: 'SSH-2.0-OpenSSH_9.2\r\n', gives: BAD },
  { what: 'every byte there is', bytes: Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), gives: BAD },
  { what: 'NUL bytes', bytes: Buffer.alloc(64), gives: BAD },
  { what: 'a TLS alert', bytes: Buffer.from('15030300020228', 'hex'), gives: BAD },
  { what: 'a TLS server hello', bytes: Buffer.from('160303003d0200003903', 'hex'), gives: BAD },
  { what: 'an HTTP/2 settings frame', bytes: Buffer.from('00000604000000000000030000006400', 'hex'), gives: BAD },
  { what: 'the HTTP/2 preface', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', gives: BAD },
  { what: 'an HTTP/0.9 body', bytes: '<html>hello</html>\r\n', gives: BAD },
  { what: 'a request', bytes: 'GET / HTTP/1.1\r\nhost: you\r\n\r\n', gives: BAD },
  { what: 'a byte order mark before the answer', bytes: `\ufeff${ok('hello')}`, gives: BAD },
  { what: 'garbage without end', bytes: flood('garbage '), gives: BAD },
]

const badStatusLines: StrangeAnswer[] = [
  'HTTP/1.1 20 OK',
  'HTTP/1.1 2000 OK',
  'HTTP/1.1 abc OK',
  'HTTP/1.1 -200 OK',
  'HTTP/1.1 000 Nothing',
  'HTTP/1.1 099 Almost',
  'HTTP/1.1200 OK',
  'HTTP/9.9 200 OK',
  'http/1.1 200 OK',
  'ICY 200 OK',
  'HTTP/1.1',
].map((line) => ({ what: `the status line "${line}"`, bytes: `${line}\r\ncontent-length: 5\r\n\r\nhello`, gives: BAD }))

const badHeaders: StrangeAnswer[] = [
  { what: 'a header without a colon', bytes: `${OK}header\r\ncontent-length: 5\r\n\r\nhello`, gives: BAD },
  { what: 'a header name with a space', bytes: `${OK}a b: c\r\ncontent-length: 5\r\n\r\nhello`, gives: BAD },
  { what: 'a space before a colon', bytes: `${OK}content-length : 5\r\n\r\nhello`, gives: BAD },
  { what: 'a NUL in a header', bytes: `${OK}x: a\0b\r\ncontent-length: 5\r\n\r\nhello`, gives: BAD },
  { what: 'a folded header', bytes: `${OK}x: a\r\n b\r\ncontent-length: 5\r\n\r\nhello`, gives: BAD },
  { what: 'lines that end with a bare LF', bytes: 'HTTP/1.1 200 OK\ncontent-length: 5\n\nhello', gives: BAD },
  { what: 'lines that end with a bare CR', bytes: 'HTTP/1.1 200 OK\rcontent-length: 5\r\rhello', gives: BAD },
  { what: 'a header of 1 MB', bytes: `${OK}x: ${'x'.repeat(1_000_000)}\r\n\r\n`, gives: BAD },
  { what: 'headers without end', bytes: flood('x: y\r\n', OK), gives: BAD },
  { what: 'a thousand empty lines first', bytes: `${'\r\n'.repeat(1000)}${ok('hello')}`, gives: hello },
]

const badLengths: StrangeAnswer[] = [
  ...['-5', '5, 5', '5x', '+5', '0x5', '5 5', '', '1e1', '99999999999999999999999', '18446744073709551621'].map(
    (length) => ({
      what: `the length "${length}"`,
      bytes: `${OK}content-length: ${length}\r\n\r\nhello`,
      gives: BAD,
    }),
  ),
  { what: 'two equal lengths', bytes: `${OK}content-length: 5\r\ncontent-length: 5\r\n\r\nhello`, gives: BAD },
  { what: 'two different lengths', bytes: `${OK}content-length: 5\r\ncontent-length: 6\r\n\r\nhello`, gives: BAD },
  {
    what: 'a length and chunks',
    bytes: `${OK}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    gives: BAD,
  },
  {
    what: 'chunks and a length',
    bytes: `${OK}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    gives: BAD,
  },
]

const badChunks: StrangeAnswer[] = [
  ...['-5\r\nhello', 'g\r\nhello', '5\r\nhelloX', '5\nhello\r\n', '0x5\r\nhello', 'fffffffffffffffffff\r\nhello'].map(
    (chunk) => ({ what: `the chunk ${JSON.stringify(chunk)}`, bytes: `${CHUNKED}${chunk}\r\n0\r\n\r\n`, gives: BAD }),
  ),
  { what: 'a trailer of 1 MB', bytes: `${CHUNKED}0\r\nx: ${'x'.repeat(1_000_000)}\r\n\r\n`, gives: BAD },
  { what: 'a trailer without a colon', bytes: `${CHUNKED}5\r\nhello\r\n0\r\nx\r\n\r\n`, gives: BAD },
]

const badPreludes: StrangeAnswer[] = [
  { what: '100 without being asked', bytes: `HTTP/1.1 100 Continue\r\n\r\n${ok('hello')}`, gives: BAD },
  { what: '100 without end', bytes: flood('HTTP/1.1 100 Continue\r\n\r\n'), gives: BAD },
  { what: '102 without end', bytes: flood('HTTP/1.1 102 Processing\r\n\r\n'), gives: BAD },
  { what: '103 without end', bytes: flood('HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n'), gives: BAD },
  { what: '103 before the answer', bytes: `HTTP/1.1 103 Early Hints\r\n\r\n${ok('hello')}`, gives: hello },
  {
    what: '101 and another protocol',
    bytes: 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x05hello',
    gives: BAD,
  },
  { what: '103 and the end', bytes: (socket) => void socket.end('HTTP/1.1 103 Early Hints\r\n\r\n'), gives: CLOSED },
]

const surplus: StrangeAnswer[] = [
  { what: 'two answers at once', bytes: `${ok('hello')}${ok('stolen')}`, gives: hello },
  { what: 'two answers one after the other', bytes: inTwo(ok('hello'), ok('stolen')), gives: hello },
  { what: 'an answer and more than its length', bytes: `${ok('hello')}stolen`, gives: hello },
  { what: 'an answer in chunks and another', bytes: `${CHUNKED}5\r\nhello\r\n0\r\n\r\n${ok('stolen')}`, gives: hello },
  { what: '204 with a body', bytes: ok('stolen', '204 No Content'), gives: { status: 200, msg: '' } },
  { what: '304 with a body', bytes: ok('stolen', '304 Not Modified'), gives: { status: 304, msg: '' } },
  { what: 'an answer cut within its head', bytes: inTwo('HTTP/1.1 200 O', ok('hello').slice(14)), gives: hello },
]

/** What task servers may send that they should not, or that looks as if they should not. */
export const STRANGE_ANSWERS: readonly StrangeAnswer[] = [
  ...notHttp,
  ...badStatusLines,
  ...badHeaders,
  ...badLengths,
  ...badChunks,
  ...badPreludes,
  ...surplus,
]
