import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../examples/tasks/offline/command.ts'
import { MIB } from '../../src/core/resources.ts'
import { ConformanceBench, joinOutput, OutputRecorder, readOutput } from '../../src/engine/conformance-bench.ts'
import type { SandboxRef, SandboxSpec } from '../../src/engine/engine.ts'
import { ensureAttack } from '../support/attack.ts'
import { docker, openDocker } from '../support/engine-host.ts'
import { engineImages } from '../support/engine-images.ts'

const images = await engineImages()
/** An image that is missing is built first. */
const options = { timeout: 300_000 }
const SHELL = ['/bin/busybox', 'sh', '-c']

/** What the sandbox printed until its end, without the last line feed. */
async function printed(bench: ConformanceBench, changes: Partial<SandboxSpec>, image = images.waits): Promise<string> {
  const ref = await bench.runToEnd(image, changes)
  const output = await readOutput(bench.engine.output(ref, {}, bench.signal))
  return joinOutput(output, 'stdout').toString().trimEnd()
}

async function running(
  bench: ConformanceBench,
  changes: Partial<SandboxSpec>,
  image = images.waits,
): Promise<SandboxRef> {
  const ref = await bench.createPortless(image, changes)
  await bench.engine.start(ref, bench.signal)
  return ref
}

/** What a script printed inside, in order, both streams. Its exit code does not matter. */
async function inside(bench: ConformanceBench, ref: SandboxRef, script: string): Promise<string> {
  const output = new OutputRecorder()
  const argv = [...SHELL, `exec 2>&1; bb() { /bin/busybox "$@"; }; ${script}`]
  await bench.engine.exec(ref, { argv }, output.sink, bench.signal)
  return output.bytes('stdout').toString().trimEnd()
}

/** Size in KiB and most files of a mount, as the task sees it. */
async function sizesOf(bench: ConformanceBench, ref: SandboxRef, path: string): Promise<string[]> {
  const size = "bb awk 'NR == 2 { print $2 }'"
  const text = await inside(bench, ref, `bb df -P -k ${path} | ${size}; bb df -P -i ${path} | ${size}`)
  return text.split('\n')
}

test('what runs, as whom, where and with which variables is as the spec says', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const script = 'echo "$0 $1"; /bin/busybox pwd; /bin/busybox id -u; /bin/busybox id -g; echo "$GREETING|$EMPTY|$ODD"'
  const process = {
    entrypoint: [...SHELL, script],
    cmd: ['zero', 'one two'],
    environment: { GREETING: 'good day', EMPTY: '', ODD: 'a=b\nc', NVIDIA_VISIBLE_DEVICES: 'all' },
    workingDir: '/tmp',
    user: '1234:4321',
  }
  assert.equal(await printed(bench, { process }), 'zero one two\n/tmp\n1234\n4321\ngood day||a=b\nc')
})

test("the image's own command runs where the spec says nothing, and behind a prefix as its last arguments", async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const prefix = ['/bin/busybox', 'printf', '%s\\n']
  const stored = (await printed(bench, { process: { prefix } })).split('\n')
  assert.deepEqual(stored.slice(0, 3), SHELL)
  assert.equal(stored.length, 4)
  const said = { prefix, entrypoint: ['a b'], cmd: ['', 'c'] }
  assert.equal(await printed(bench, { process: said }), 'a b\n\nc')
  assert.equal(await printed(bench, { process: { prefix, cmd: ['d'] } }), 'd')
})

test('limits of processes and of shared memory are as the spec says', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const ref = await running(bench, { pidsLimit: 20, shmBytes: 32 * MIB })
  assert.equal((await bench.inspect(ref)).limits.pids, 20)
  assert.equal((await sizesOf(bench, ref, '/dev/shm'))[0], String(32 * 1024))
  const forks = 'i=0; while [ $i -lt 40 ]; do /bin/busybox sleep 30 & i=$((i + 1)); done'
  assert.match(await inside(bench, ref, forks), /can't fork/)
})

test('folders of this host are mounted for reading, or for writing where the spec says so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'errand-test-mounts-'))
  const [given, taken] = [join(folder, 'given'), join(folder, 'taken')]
  await mkdir(join(given, 'deeper'), { recursive: true })
  await mkdir(taken)
  await writeFile(join(given, 'file'), 'given')
  await run('mount', ['-t', 'tmpfs', 'errand-test', join(given, 'deeper')])
  try {
    await using engine = await openDocker()
    await using bench = new ConformanceBench(engine, images)
    const mounts = [
      { kind: 'bind', source: given, target: '/given', isReadOnly: true },
      { kind: 'bind', source: taken, target: '/taken', isReadOnly: false },
    ] as const
    const ref = await running(bench, { mounts })
    const script =
      'bb cat /given/file; echo; echo no > /given/more; echo no > /given/deeper/more; echo yes > /taken/new'
    const [content, ...refusals] = (await inside(bench, ref, script)).split('\n')
    assert.equal(content, 'given')
    // What is mounted under it too: Engines before 25 would leave that writable.
    assert.equal(refusals.filter((line) => /Read-only file system/.test(line)).length, 2, refusals.join('\n'))
    assert.equal(await readFile(join(taken, 'new'), 'utf8'), 'yes\n')
    assert.equal((await engine.probe(bench.signal)).canMount, true)
  } finally {
    await run('umount', [join(given, 'deeper')])
    await rm(folder, { recursive: true })
  }
})

test("scratch folders are empty, sized and their owner's, and gone with the sandbox", async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const mounts = [
    { kind: 'scratch', target: '/mine', sizeBytes: MIB, owner: '1234:1234' },
    { kind: 'scratch', target: '/open', sizeBytes: MIB, canExecute: true },
  ] as const
  const ref = await running(bench, { mounts, process: { user: '1234:1234' } })
  assert.deepEqual(await sizesOf(bench, ref, '/mine'), ['1024', '16384'])
  const modes = await inside(bench, ref, 'bb stat -c "%u %g %a" /mine /open; bb ls -A /mine /open | bb grep -v :')
  assert.equal(modes, '1234 1234 700\n0 0 1777')
  assert.match(await inside(bench, ref, 'bb dd if=/dev/zero of=/mine/big bs=1M count=2'), /No space left/)
  const script = 'echo "#!/bin/busybox echo" > $at/script; bb chmod +x $at/script; $at/script'
  const ran = await inside(bench, ref, `for at in /mine /open; do bb rm -f $at/*; ${script}; done`)
  assert.match(ran, /^.*\/mine\/script: Permission denied\n\/open\/script$/)
  const label = (await bench.inspect(ref)).labels['dev.errand.id']
  const volumes = async (): Promise<string[]> =>
    docker('volume', 'ls', '-q', '--filter', `label=dev.errand.id=${label}`)
  assert.equal((await volumes()).length, 2)
  await engine.remove(ref, bench.signal)
  assert.deepEqual(await volumes(), [])
})

test('the DNS server of the spec is asked, by the resolver that the sandbox has', async () => {
  await using engine = await openDocker({ executions: { allowEgress: true, hostAccess: 'allow' } })
  await using bench = new ConformanceBench(engine, images)
  const first = await running(bench, { network: 'egress' })
  const gateway = (await bench.inspect(first)).net?.gateway ?? ''
  const server = createSocket('udp4', (query, { port, address }) => server.send(answered(query), port, address))
  server.bind(53, gateway)
  await once(server, 'listening')
  try {
    const ref = await running(bench, { network: 'egress', dnsServers: [gateway] })
    assert.match(await inside(bench, ref, 'bb nslookup -type=a errand.test'), /203\.0\.113\.53/)
    assert.match(await inside(bench, ref, 'bb cat /etc/resolv.conf'), /^nameserver 127\.0\.0\.11$/m)
  } finally {
    server.close()
    await once(server, 'close')
  }
})

/** Any name has the same address. */
function answered(query: Buffer): Buffer {
  const question = query.subarray(12, query.indexOf(0, 12) + 5)
  const header = Buffer.from([0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0])
  query.copy(header, 0, 0, 2)
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 53])
  return Buffer.concat([header, question, answer])
}

test('the strict profile: not root, a read-only file system, no capability, and a small scratch folder', async (t) => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const ref = await running(bench, { profile: 'strict', network: 'none', process: { user: '61184' } })
  const ask = async (script: string): Promise<string> => inside(bench, ref, script)

  await t.test('its user has no group but its own, and no way to more', async () => {
    assert.equal(await ask('bb id -u; bb id -G'), '61184\n61184')
    const status = await ask('bb cat /proc/1/status /proc/self/status')
    const fields = [...status.matchAll(/^(Cap\w+|NoNewPrivs|Seccomp):\t(\w+)$/gm)].map(
      ([, name, value]) => `${name} ${value}`,
    )
    const none = '0000000000000000'
    const expected = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((name) => `${name} ${none}`)
    assert.deepEqual(fields, [...expected, 'NoNewPrivs 1', 'Seccomp 2', ...expected, 'NoNewPrivs 1', 'Seccomp 2'])
  })

  await t.test('it writes to its scratch folder, where it is at home, and nowhere else', async () => {
    assert.equal(await ask('echo $HOME; echo yes > $HOME/file && bb cat /tmp/file'), '/tmp\nyes')
    assert.match(await ask('echo no > /file'), /Read-only file system/)
    assert.match(await ask('echo no > /etc/hosts'), /Read-only file system|Permission denied/)
    const [kibibytes, files] = await sizesOf(bench, ref, '/tmp')
    assert.deepEqual([kibibytes, files], ['65536', '16384'])
    assert.match(await ask('bb mount | bb grep " /tmp "'), /\(rw,nosuid,nodev,noexec,/)
    assert.equal((await sizesOf(bench, ref, '/dev/shm'))[0], String(16 * 1024))
  })

  await t.test('it has at most 128 processes', async () => {
    assert.equal(await ask('bb cat /sys/fs/cgroup/pids/pids.max || bb cat /sys/fs/cgroup/pids.max'), '128')
    assert.equal((await bench.inspect(ref)).limits.pids, 128)
  })
})

test('the strict profile refuses root and names as validation_failed', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  for (const user of [undefined, 'root', '0', '0:0', '1234:0', '00', '-1', '+1', '4294967296', '1:2:3', 'nobody']) {
    const process = user === undefined ? {} : { user }
    await assert.rejects(
      bench.createPortless(images.waits, { profile: 'strict', process }),
      { code: 'validation_failed' },
      user,
    )
  }
})

/** A configuration that asks for as much as an image can. */
const HOSTILE = [
  'VOLUME ["/data", "/tmp"]',
  'HEALTHCHECK --interval=1s CMD ["/bin/busybox", "touch", "/data/healthy"]',
  'USER 0:0',
  'STOPSIGNAL 9',
  'EXPOSE 8080 22/tcp 53/udp',
  'ONBUILD RUN ["/bin/false"]',
  'LABEL dev.errand.installation=forged dev.errand.mac=forged dev.errand.endpoint=22 traefik.enable=true',
  'ENV HOME=/root NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=all NVIDIA_MIG_MONITOR_DEVICES=all',
]

test(
  'A12: under strict an image whose configuration asks for more gets the profile and no more',
  options,
  async (t) => {
    const [image = ''] = await docker('image', 'inspect', '--format', '{{.Id}}', await ensureAttack(HOSTILE))
    await using engine = await openDocker()
    await using bench = new ConformanceBench(engine, images)
    const script = "trap 'echo asked; exit 3' TERM; echo ready; while :; do /bin/busybox sleep 0.1; done"
    const process = { user: '61184', entrypoint: [...SHELL, script] }
    const ref = await bench.createPortless(image, { profile: 'strict', network: 'internal', process })
    const output = new OutputRecorder()
    using _attachment = await engine.attach(ref, output.sink, bench.signal)
    await engine.start(ref, bench.signal)
    await output.until('ready\n', bench.signal)

    await t.test('its user, volumes and health check are not heeded', async () => {
      assert.equal(await inside(bench, ref, 'bb id -u'), '61184')
      assert.equal(
        await inside(bench, ref, 'bb mount | bb awk \'$3 == "/data" || $3 == "/tmp" { print $3, $5 }\' | bb sort'),
        '/data tmpfs\n/tmp tmpfs',
      )
      assert.equal((await sizesOf(bench, ref, '/tmp'))[0], '65536')
      const format = '{{json .State.Health}} {{json .NetworkSettings.Ports}} {{.HostConfig.Privileged}}'
      const [health, ports, privileged] = (await docker('inspect', '--format', format, ref.id))[0]?.split(' ') ?? []
      assert.deepEqual([health, privileged], ['null', 'false'])
      assert.deepEqual(
        Object.values(JSON.parse(ports ?? '{}')).filter((bound) => bound !== null),
        [],
      )
    })

    await t.test('A8: nothing of what it says of the NVIDIA runtime is left', async () => {
      const environment = await inside(bench, ref, 'bb tr "\\0" "\\n" < /proc/1/environ; bb env')
      assert.deepEqual(
        new Set(environment.match(/^(?:NVIDIA\w*|HOME)=.*$/gm)),
        new Set(['NVIDIA_VISIBLE_DEVICES=void', 'HOME=/tmp']),
      )
    })

    await t.test('its port is no endpoint of ours', async () => {
      const view = await bench.inspect(ref)
      assert.deepEqual([view.tcp, view.net?.ports], [undefined, []])
    })

    await t.test('its signal to stop does not end it at once', async () => {
      await engine.signal(ref, 'SIGTERM', bench.signal)
      const { exit } = await bench.untilExited(ref)
      assert.equal(exit?.exitCode, 3)
      assert.match(output.bytes('stdout').toString(), /asked/)
    })
  },
)
