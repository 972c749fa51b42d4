import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { InstalledNode } from '../support/installed-node.ts'

describe('named tasks and callers over TCP, as installed', { timeout: 100_000 }, () => {
  let node: InstalledNode
  let echo = ''
  let shell = ''
  before(async () => {
    echo = await ensureImage('hello-node')
    shell = await ensureImage('busybox')
    node = await InstalledNode.open()
  })
  after(() => node[Symbol.asyncDispose]())

  test('a task is put, listed, invoked and forgotten', async () => {
    const put = ['tasks', 'put', 'hello', echo, '--cpu', '0.1', '--mem', '64MiB', '--keep-alive', '5m']
    assert.deepEqual(await told(node.errand(put)), [0, 'hello\n', ''])
    assert.match((await node.errand(['tasks'])).stdout, /^hello +errand-sample\/hello-node:latest +0\.1 +64 MiB /m)
    assert.deepEqual(await told(node.errand(['invoke', 'hello', '-d', 'world'])), [0, 'Hello, world!', ''])
    assert.deepEqual(await told(node.errand(['invoke', 'hello', '-d', '@-'], { input: 'pipe' })), [
      0,
      'Hello, pipe!',
      '',
    ])
    const file = join(node.folder, 'name')
    await writeFile(file, 'file')
    assert.match(
      (await node.errand(['invoke', 'hello', '-i', '-d', `@${file}`])).stdout,
      /^HTTP\/1\.1 200\n[\s\S]*Hello, file!$/,
    )

    const { stdout: later } = await node.errand(['invoke', 'hello', '-d', 'later', '--async'])
    const invocation = later.trim()
    assert.deepEqual(await told(node.errand(['invocations', 'wait', invocation])), [0, '', ''])
    assert.deepEqual(await told(node.errand(['invocations', 'response', invocation])), [0, 'Hello, later!', ''])
    assert.match(
      (await node.errand(['invocations'])).stdout,
      new RegExp(`^${invocation} +hello +answered \\(200\\) `, 'm'),
    )
    assert.deepEqual(await told(node.errand(['invocations', 'rm', invocation])), [0, `${invocation}\n`, ''])

    const { stdout } = await node.errand(['instances', '--json'])
    const { id, task, answered } = JSON.parse(stdout)
    assert.deepEqual([task, answered], ['hello', 4])
    assert.deepEqual(await told(node.errand(['instances', 'evict', id])), [0, `${id}\n`, ''])
    assert.deepEqual(await told(node.errand(['tasks', 'rm', 'hello'])), [0, 'hello\n', ''])
    assert.equal((await node.errand(['invoke', 'hello'])).status, 66)
  })

  test('a server of any image is a task, whose error statuses are 22, and whose answer of any size is streamed', async () => {
    const yaml = join(node.folder, 'files.yaml')
    const script =
      'mkdir /www && head -c 30000000 /dev/zero >/www/big && echo hi >/www/index.html && httpd -f -p 9000 -h /www'
    const cmd = JSON.stringify(['sh', '-c', script])
    await writeFile(yaml, `image: ${shell}\ncmd: ${cmd}\nport: 9000\nresources: {cpu: 0.1, memory: 64MiB}\n`)
    assert.deepEqual(await told(node.errand(['tasks', 'put', 'files', '-f', yaml])), [0, 'files\n', ''])
    assert.equal((await node.errand(['invoke', 'files', '/index.html'])).stdout, 'hi\n')
    const { status, stderr } = await node.errand(['invoke', 'files', '/none'])
    assert.deepEqual([status, stderr], [22, 'errand: the task answered with 404\n'])
    // A reader that takes its time gets all of it; one that leaves ends the command.
    assert.equal((await node.shell('errand invoke files /big | (sleep 0.5; wc -c)')).stdout.trim(), '30000000')
    const left = await node.shell('set +o pipefail; errand invoke files /big | head -c 10 | wc -c; echo $PIPESTATUS')
    assert.deepEqual(left.stdout.split(/\s+/).filter(Boolean), ['10', '141'])
  })

  test('a caller with a token in a file uses a context, and may do what the token says', async () => {
    const state = ['--state-dir', node.home.stateDir]
    const made = await node.errand(['token', 'create', 'ci', '--scope', 'read', 'submit', ...state])
    await writeFile(join(node.folder, 'ci.token'), made.stdout, { mode: 0o600 })
    const url = `http://${await node.tcpAddress()}`
    const lab = ['context', 'create', 'lab', '--url', url, '--token-file', join(node.folder, 'ci.token')]
    assert.equal((await node.errand(lab)).status, 0)
    const environment = { ERRAND_HOST: '' }
    const hello = await node.errand(['run', shell, '--', 'echo', 'over tcp'], { environment })
    assert.deepEqual([hello.status, hello.stdout, hello.stderr], [0, 'over tcp\n', ''])
    assert.equal((await node.errand(['node', '--once'], { environment })).status, 0)
    assert.equal((await node.errand(['pause'], { environment })).status, 77, 'that takes the scope operate')
    assert.match((await node.errand(['context', 'show'], { environment })).stdout, /lab/)
    assert.match((await node.errand(['token', 'list', ...state])).stdout, /^ci +read,submit/m)
    assert.equal((await node.errand(['token', 'revoke', 'ci', ...state])).status, 0)
    await node.served.assertInvariants()
    const revoked = await node.errand(['ps'], { environment })
    assert.equal(revoked.status, 77, revoked.stderr)
  })

  test('curl does all of it, over the socket and with a token', async () => {
    const state = ['--state-dir', node.home.stateDir]
    const { stdout: token } = await node.errand(['token', 'create', 'curl', ...state])
    const doors = [
      ['socket', `--unix-socket ${node.socketPath} http://localhost`, ''],
      ['tcp', `http://${await node.tcpAddress()}`, `-H 'Authorization: Bearer ${token.trim()}'`],
    ] as const
    for (const [door, origin, credentials] of doors) {
      const v1 = `v1() { path=$1; shift; curl -sS ${credentials} ${origin}/v1$path "$@"; }`
      const cmd = ['sh', '-c', 'mkdir /out; echo made >/out/file; echo one; echo two >&2; exit 4']
      const body = { id: `curl-${door}`, task: { image: shell, cmd }, outputs: [{ path: '/out', name: 'out' }] }
      const { stdout } = await node.shell(`${v1}
        v1 /executions -d '${JSON.stringify(body)}' -o /dev/null -w '%{http_code}\\n'
        v1 '/executions/curl-${door}/wait?timeout=60s' | grep -o '"exitCode":[0-9]*'
        v1 '/executions/curl-${door}/logs?follow' -N -H 'Accept: text/event-stream' | grep '^event'
        v1 /executions/curl-${door}/logs?stream=stdout -H 'Accept: text/plain'
        v1 /executions/curl-${door}/outputs | tar -xO out/file
        v1 /executions/nobody -w '%{http_code} %{content_type}\\n' -o /dev/null
        v1 /executions/nobody | grep -o '"code":"[a-z_]*"'`)
      const expected = ['201', '"exitCode":4', 'event: log', 'event: log', 'event: end', 'one', 'made']
      const refusal = ['404 application/problem+json', '"code":"not_found"']
      assert.deepEqual(stdout.trim().split('\n'), [...expected, ...refusal], door)

      const invoked = await node.shell(`${v1}
        v1 /tasks/curled -X PUT -d '{"image": "${echo}", "resources": {"cpu": 0.1, "memory": "64MiB"}}' -o /dev/null
        echo -n curl | v1 /tasks/curled/invoke -H 'Expect:' -T - -X POST`)
      assert.equal(invoked.stdout, 'Hello, curl!', door)
    }
    const closed = await node.shell(`curl -s http://${await node.tcpAddress()}/v1/node -o /dev/null -w '%{http_code}'`)
    assert.equal(closed.stdout, '401')
  })
})

async function told(ended: Promise<{ status: number; stdout: string; stderr: string }>) {
  const { status, stdout, stderr } = await ended
  return [status, stdout, stderr]
}
