import { DockerExecutor } from 'errand/executor'

await using executor = await DockerExecutor.open({ id: 'example' })
const { status, exitCode, stdout, resources } = await executor.run({
  engineSpec: { type: 'docker', params: { image: 'errand-sample/busybox', cmd: ['echo', 'hello from a container'] } },
  resources: { cpu: 0.5, memoryBytes: 32 * 2 ** 20 },
  timeoutMs: 60_000,
})
process.stdout.write(`${status} with ${exitCode} after ${resources.used.cpuSeconds} s of CPU: ${stdout}`)
