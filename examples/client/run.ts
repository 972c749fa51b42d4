import { ErrandClient } from 'errand/client'

/** Where the node is: `unix:///PATH` of its socket, or `http://HOST:PORT` with a file that holds a token. */
const [url = 'unix:///run/errand/errand.sock', tokenFile] = process.argv.slice(2)
await using errand = new ErrandClient({ url, ...(tokenFile !== undefined && { tokenFile }) })

const { id } = await errand.executions.submit({
  task: {
    image: 'errand-sample/busybox',
    cmd: ['sh', '-c', 'for i in 1 2 3; do echo "line $i"; sleep 0.2; done; exit 4'],
    resources: { cpu: 0.1, memory: '32MiB' },
  },
  timeoutMs: 60_000,
})
for await (const { stream, data } of errand.executions.logs(id, { follow: true })) {
  process.stdout.write(`${stream}: ${data ?? '(some output is not there)\n'}`)
}
const { status, reason, exitCode } = await errand.executions.wait(id)
process.stdout.write(`${status} (${reason}) with ${exitCode}\n`)
await errand.executions.remove(id)
