import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConformanceBench, OutputRecorder } from '../../src/engine/conformance-bench.ts'
import { ensureAttack } from '../support/attack.ts'
import { docker, openDocker } from '../support/engine-host.ts'
import { engineImages } from '../support/engine-images.ts'
import { inside, running, SHELL, sizesOf } from '../support/inside.ts'

const images = await engineImages()
/** An image that is missing is built first. */
const options = { timeout: 300_000 }

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
