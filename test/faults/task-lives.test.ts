import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { ok, type RawServer } from '../../src/forward/raw-server.fixture.ts'
import { eventually } from '../support/containers.ts'
import { RawTasks } from '../support/raw-tasks.ts'

const options = { timeout: 120_000 }

async function closed(socket: Socket | undefined): Promise<void> {
  assert.ok(socket)
  if (!socket.closed) await once(socket, 'close')
}

/** The name of the only sandbox there is. */
function onlySandbox(tasks: RawTasks): string {
  const [name, ...more] = tasks.sandboxes
  assert.ok(name !== undefined && more.length === 0, `${tasks.sandboxes.length} sandboxes`)
  return name
}

async function received(server: RawServer, count: number): Promise<void> {
  await eventually(() => server.requests.length >= count)
}

describe('a task that never serves', options, () => {
  for (const [what, script] of Object.entries({
    'never listens and never says so': { isNeverReady: true, output: ['still at it\n'] },
    'says that it is ready and refuses connections': { output: ['still at it\n'], mark: 'meca-init-done' },
  })) {
    test(`F54: a task that ${what} is not_ready, with its log, then left alone for a while`, async () => {
      await using tasks = await RawTasks.open(['tasks.startTimeoutMs=200'])
      tasks.engine.addImage('never:1', script)
      for (let round = 0; round < 3; round += 1) {
        const { code, details, msg } = await tasks.ask('never:1')
        assert.equal(code, 'not_ready')
        assert.match(msg, /200 ms/)
        assert.match(String(details?.log), /^still at it\n/)
        assert.deepEqual(tasks.sandboxes, [])
      }
      const { code, retryAfterMs = 0, details } = await tasks.ask('never:1')
      assert.deepEqual([code, details?.lastCode], ['crash_loop', 'not_ready'])
      assert.ok(retryAfterMs > 0 && retryAfterMs <= 4000)
      assert.equal(tasks.engine.calls.create, 3)
      await tasks.assertEmpties()
    })
  }
})

describe('a task that dies', options, () => {
  test('F55: under a request is told with its exit code, although its connection is still open', async () => {
    await using tasks = await RawTasks.open()
    const server = await tasks.serve('dies:1', () => {}, ok('own'))
    const asked = tasks.ask('dies:1')
    await received(server, 1)
    tasks.engine.print(onlySandbox(tasks), 'last words\n')
    tasks.engine.crash(onlySandbox(tasks), 7)
    const { code, details } = await asked
    assert.deepEqual([code, details?.exitCode], ['task_exited', 7])
    assert.match(String(details?.log), /last words\n$/)
    await closed(server.sockets.at(-1))
    // Its replacement waits out the first delay.
    assert.equal((await tasks.ask('dies:1')).msg, 'own')
    await tasks.assertEmpties()
  })

  test('F55: again and again is refused with crash_loop until its delay is over, and then tried again', async () => {
    await using tasks = await RawTasks.open()
    const server = await tasks.serve('loop:1', (socket) => {
      if (server.requests.length > 3) socket.write(ok('well again'))
      else tasks.engine.crash(onlySandbox(tasks), 3)
    })
    for (let round = 0; round < 3; round += 1) assert.equal((await tasks.ask('loop:1')).code, 'task_exited')
    const { code, retryAfterMs = 0 } = await tasks.ask('loop:1')
    assert.equal(code, 'crash_loop')
    await new Promise((resolve) => setTimeout(resolve, retryAfterMs))
    assert.equal((await tasks.ask('loop:1')).msg, 'well again')
    assert.equal(tasks.engine.calls.create, 4)
    await tasks.assertEmpties()
  })

  test('F33: by removal from outside is told as task_gone, and the next request is answered by a new one', async () => {
    await using tasks = await RawTasks.open()
    const server = await tasks.serve('gone:1', () => {}, ok('own'))
    const asked = tasks.ask('gone:1')
    await received(server, 1)
    await tasks.engine.vanish(onlySandbox(tasks))
    const { code, details } = await asked
    assert.deepEqual([code, details], ['task_gone', undefined])
    assert.equal((await tasks.ask('gone:1')).msg, 'own')
    await tasks.engine.vanish(onlySandbox(tasks))
    assert.equal((await tasks.ask('gone:1')).msg, 'own')
    // Whoever removed it does so without the task's doing: nothing to back off from.
    assert.equal(tasks.engine.calls.create, 3)
    await tasks.assertEmpties()
  })
})

describe('an instance that is of no use any more', options, () => {
  test('F59: is replaced after three bad answers in a row, not after three with a good one between', async () => {
    await using tasks = await RawTasks.open()
    const bad = 'HTTP/1.1 nonsense\r\n\r\n'
    await tasks.serve('faulty:1', bad, bad, ok('good'), bad, bad, bad, ok('good'))
    const codes: (string | undefined)[] = []
    for (let round = 0; round < 6; round += 1) codes.push((await tasks.ask('faulty:1')).code)
    assert.deepEqual(
      codes.map((code) => code === 'bad_task_response'),
      [true, true, false, true, true, true],
    )
    assert.equal((await tasks.ask('faulty:1')).msg, 'good')
    assert.equal(tasks.engine.calls.create, 2)
    await tasks.assertEmpties()
  })

  test('F59: is not replaced for ever: a task of which every instance is faulty ends in crash_loop', async () => {
    await using tasks = await RawTasks.open()
    await tasks.serve('faulty:2', 'HTTP/1.1 nonsense\r\n\r\n')
    const codes = new Set<string | undefined>()
    while (!codes.has('crash_loop')) codes.add((await tasks.ask('faulty:2')).code)
    assert.deepEqual([...codes], ['bad_task_response', 'crash_loop'])
    assert.ok(tasks.engine.calls.create <= 4, `${tasks.engine.calls.create} starts`)
    await tasks.assertEmpties()
  })

  test('F56: takes no connection, so another one answers the request, which is sent once', async () => {
    await using tasks = await RawTasks.open()
    const servers = [await tasks.serve('first:1', ok('first')), await tasks.serve('second:1', ok('second'))] as const
    tasks.engine.addImage('moving:1', {
      mark: 'meca-init-done',
      get endpoint() {
        return servers[tasks.engine.calls.create > 1 ? 1 : 0].endpoint
      },
    })
    assert.equal((await tasks.ask('moving:1')).msg, 'first')
    await servers[0][Symbol.asyncDispose]()
    assert.equal((await tasks.ask('moving:1')).msg, 'second')
    assert.deepEqual([servers[0].requests.length, servers[1].requests.length], [1, 1])
    await eventually(() => tasks.sandboxes.length === 1)
    await tasks.assertEmpties()
  })
})

describe('the address of an instance', options, () => {
  test('F33: is given up at its end, before anything else is known of that', async () => {
    await using tasks = await RawTasks.open()
    const server = await tasks.serve('reused:1', ok('before'), ok('after'))
    assert.equal((await tasks.ask('reused:1')).msg, 'before')
    const connection = server.sockets.at(-1)
    {
      using _noLogs = tasks.engine.stall('output')
      tasks.engine.crash(onlySandbox(tasks), 1)
      await closed(connection)
      // Not sent to where it was: somebody else may be there now.
      assert.equal((await tasks.ask('reused:1')).msg, 'after')
      assert.equal(tasks.engine.calls.create, 2)
    }
    await tasks.assertEmpties()
  })

  test('F33: is given up before a sandbox that we remove is gone', async () => {
    await using tasks = await RawTasks.open(['timeout=0.0001'])
    const server = await tasks.serve('reaped:1', ok('fine'))
    const removing = tasks.engine.stall('remove')
    assert.equal((await tasks.ask('reaped:1')).msg, 'fine')
    await closed(server.sockets.at(-1))
    assert.equal(tasks.sandboxes.length, 1)
    removing[Symbol.dispose]()
    await eventually(() => tasks.sandboxes.length === 0)
  })

  test('F33: used by another task afterwards: no byte of a late answer reaches the caller of that one', async () => {
    await using tasks = await RawTasks.open()
    const late: Socket[] = []
    const server = await tasks.serve('late:1', (socket) => void late.push(socket), ok('for the second'))
    tasks.add('second:1', { endpoint: server.endpoint })
    const first = tasks.ask('late:1')
    await received(server, 1)
    await tasks.engine.vanish(onlySandbox(tasks))
    const second = tasks.ask('second:1')
    const [socket] = late
    assert.ok(socket)
    socket.write(ok('for the first'))
    assert.equal((await first).code, 'task_gone')
    assert.equal((await second).msg, 'for the second')
    await closed(socket)
    await tasks.assertEmpties()
  })
})
