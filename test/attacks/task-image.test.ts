import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { type Attack, answerOf, ensureAttack, type Refusal } from '../support/attack.ts'
import { onlyContainer } from '../support/containers.ts'
import { docker, type TestDaemon } from '../support/daemon.ts'
import { startFaultDaemon } from '../support/fault-daemon.ts'
import { Home } from '../support/serve-process.ts'

/** An image that is missing is built first. */
const options = { timeout: 300_000 }
const SMALL = { cpu: 0.5, mem: 64 }
/** CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID, NET_BIND_SERVICE: bits 0, 1, 3, 5, 6, 7 and 10. */
const SEVEN_CAPABILITIES = '00000000000004eb'

/** A configuration that asks for as much as an image can. */
const HOSTILE = [
  'VOLUME ["/data", "/run/errand", "/srv/secrets"]',
  'HEALTHCHECK --interval=1s CMD ["/bin/busybox", "touch", "/data/healthy"]',
  'USER 0:0',
  'STOPSIGNAL 9',
  'EXPOSE 8080 22/tcp 53/udp',
  'ONBUILD RUN ["/bin/false"]',
  'LABEL dev.errand.installation=forged dev.errand.mac=forged dev.errand.endpoint=22 traefik.enable=true',
  'ENV LD_PRELOAD=/evil.so NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=all DOCKER_HOST=tcp://evil:2375',
]

interface Inspected {
  readonly Config: {
    readonly Labels: Record<string, string>
    readonly Healthcheck: { readonly Test: readonly string[] }
    readonly StopSignal: string
  }
  readonly State: { readonly Pid: number; readonly Health?: unknown }
  readonly Mounts: readonly { readonly Name: string; readonly Source: string; readonly Destination: string }[]
  readonly NetworkSettings: { readonly Ports: Record<string, unknown> }
  readonly HostConfig: { readonly PublishAllPorts: boolean; readonly Privileged: boolean; readonly Devices: unknown[] }
}

async function inspect(node: TestDaemon): Promise<Inspected> {
  return JSON.parse(await docker('inspect', '--format', '{{json .}}', await onlyContainer(node)))
}

async function volumesOf(node: TestDaemon): Promise<string> {
  return docker('volume', 'ls', '--quiet', '--filter', `label=dev.errand.installation=${node.installation}`)
}

/** Runs a container of the image as the Engine would by itself; its inspection. */
async function unguarded(image: string): Promise<Inspected> {
  const id = await docker('create', image)
  try {
    return JSON.parse(await docker('inspect', '--format', '{{json .}}', id))
  } finally {
    await docker('rm', '--force', '--volumes', id)
  }
}

test('A12: an image whose configuration asks for more gets the profile and no more', options, async (t) => {
  const image = await ensureAttack(HOSTILE)
  await using node = await startFaultDaemon()
  const ask = async (order: Attack): Promise<unknown> =>
    answerOf(await node.execute({ id: image, resource: SMALL, input: JSON.stringify(order) }))
  assert.equal(await ask({ order: 'nothing' }), 'here')
  const container = await inspect(node)
  const control = await unguarded(image)

  await t.test('declared volumes are in memory, as large as that, and gone with the instance', async () => {
    assert.deepEqual(control.Mounts.map(({ Destination }) => Destination).sort(), [
      '/data',
      '/run/errand',
      '/srv/secrets',
    ])
    assert.deepEqual(container.Mounts.map(({ Destination }) => Destination).sort(), [
      '/data',
      '/run/errand',
      '/srv/secrets',
    ])
    for (const { Source } of container.Mounts) {
      assert.match(await mountAt(Source), /^tmpfs /, Source)
    }
    assert.equal((await volumesOf(node)).split('\n').length, 3)
    // Memory that a file takes is the task's own: it is killed before the file is larger than that.
    const written = await node.execute({
      id: image,
      resource: SMALL,
      input: JSON.stringify({ order: 'write', path: '/data/x', mebibytes: 1024 }),
    })
    const outcome = written.success ? (answerOf(written) as Refusal) : written
    assert.match(outcome.code ?? '', /^(ENOSPC|task_exited)$/)
  })

  await t.test('no health check runs', async () => {
    assert.equal(control.Config.Healthcheck.Test[0], 'CMD')
    assert.deepEqual(container.Config.Healthcheck.Test, ['NONE'])
    assert.equal(container.State.Health, undefined)
  })

  await t.test('root has seven capabilities and no way to more', async () => {
    const { uid, status } = (await ask({ order: 'identity' })) as { uid: number; status: string }
    assert.equal(uid, 0)
    assert.match(status, new RegExp(`CapBnd:\\t${SEVEN_CAPABILITIES}\\n`))
    assert.match(status, /NoNewPrivs:\t1\n/)
    assert.match(status, /Seccomp:\t2\n/)
    assert.deepEqual([container.HostConfig.Privileged, container.HostConfig.Devices], [false, []])
  })

  await t.test('its signal to stop, its labels and its ports have no effect', async () => {
    assert.equal(control.Config.StopSignal, '9')
    assert.equal(container.Config.StopSignal, 'SIGTERM')
    const { Labels } = container.Config
    assert.equal(control.Config.Labels['traefik.enable'], 'true')
    assert.equal(Labels['traefik.enable'], '')
    assert.equal(Labels['dev.errand.installation'], node.installation)
    assert.equal(Labels['dev.errand.endpoint'], '8080')
    assert.match(Labels['dev.errand.mac'] ?? '', /^[0-9a-f]{64}$/)
    // A35: declared, not published.
    const { Ports } = container.NetworkSettings
    assert.deepEqual([container.HostConfig.PublishAllPorts, Object.values(Ports)], [false, [null, null, null]])
  })

  await t.test('A8: its environment stays in the task, and asks for no GPU', async () => {
    const environment = (await ask({ order: 'environment' })) as Record<string, string>
    assert.equal(environment.LD_PRELOAD, '/evil.so')
    assert.equal(environment.NVIDIA_VISIBLE_DEVICES, 'void')
    const { Pid } = (await inspect(node)).State
    assert.match(await environmentOf(Pid), /LD_PRELOAD=/, 'control: this is how one would see it')
    for (const parent of await ancestorsOf(Pid)) {
      assert.doesNotMatch(await environmentOf(parent), /LD_PRELOAD=|evil:2375/, `process ${parent}`)
    }
  })
})

test('A12: a volume where none can be is refused as image_invalid, and nothing is left', options, async () => {
  await using node = await startFaultDaemon()
  const { code } = await node.execute({ id: await ensureAttack(['VOLUME /proc/sys']), resource: SMALL, input: '{}' })
  assert.equal(code, 'image_invalid')
  assert.deepEqual(await node.containers(), [])
})

test('A8: a task has nothing of the environment of the daemon', options, async () => {
  const image = await ensureAttack()
  await using home = await Home.make()
  const CANARY = 'errand-canary-environment'
  const environment = {
    CANARY,
    HOME: '/root',
    NVIDIA_VISIBLE_DEVICES: 'all',
    LD_LIBRARY_PATH: `/${CANARY}`,
    DOCKER_CONFIG: `/${CANARY}`,
  }
  await using node = await home.serve({ environment })
  const answer = await node.execute({ id: image, resource: SMALL, input: JSON.stringify({ order: 'environment' }) })
  const found = answerOf(answer) as Record<string, string>
  assert.deepEqual(Object.keys(found).sort(), ['ERRAND_SOCKET', 'HOME', 'HOSTNAME', 'NVIDIA_VISIBLE_DEVICES', 'PATH'])
  assert.ok(!JSON.stringify(found).includes(CANARY))
  assert.match(await environmentOf(node.pid), new RegExp(CANARY), 'control: the daemon has it')
})

/** The file system at a path of this host: its type, and more. */
async function mountAt(path: string): Promise<string> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  const line = lines.find((candidate) => candidate.split(' ')[4] === path) ?? ''
  return line.split(' - ')[1] ?? 'nothing'
}

async function environmentOf(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/environ`, 'utf8')
}

/** Up to the first process. */
async function ancestorsOf(pid: number): Promise<number[]> {
  const [, parent = '0'] = /^PPid:\t(\d+)$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(parent) <= 1 ? [] : [Number(parent), ...(await ancestorsOf(Number(parent)))]
}
