import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { attack, ensureAttack } from '../support/attack.ts'
import { docker } from '../support/engine-host.ts'
import { MortalNode } from '../support/mortal-node.ts'

// One job that was taken over tries to leave something for those that come after it on this host.

const options = { timeout: 300_000 }
const TRACE = 'errand-trace-7f3a'

/** Writes wherever it may, changes its image's programs, and leaves a process behind. */
const LEAVE = `
for folder in / /tmp /var/tmp /root /etc /dev /dev/shm /run /usr /bin /home /mnt /opt /srv /proc /sys /sys/fs/cgroup /errand /out; do
  mkdir -p $folder 2>/dev/null; echo ${TRACE} >"$folder/${TRACE}" 2>/dev/null && echo "left $folder"
done
echo '${TRACE}:x:0:0::/:/bin/sh' >>/etc/passwd 2>/dev/null && echo 'left a user'
echo '${TRACE}' >>/etc/profile 2>/dev/null && echo 'left a profile'
cp /bin/busybox /tmp/evil && echo ${TRACE} >>/tmp/evil && mv /tmp/evil /bin/busybox && echo 'left a program'
(trap '' HUP TERM; exec sleep 987654) &
echo result >/out/result`

/** Prints every place in which something of it is. */
const LOOK = `
find / -name '*${TRACE}*' 2>/dev/null
grep -l ${TRACE} /etc/passwd /etc/profile /bin/busybox 2>/dev/null
env | grep ${TRACE}
for process in /proc/[0-9]*; do tr '\\0' ' ' <$process/cmdline 2>/dev/null | grep '^sleep 987654'; done
mount | grep ${TRACE}
echo looked`

test(
  'A57: what one execution leaves behind, the next one of the same caller and image does not find',
  options,
  async () => {
    await using node = await MortalNode.make(['isolation.allowKnownHoles=true'])
    await node.start()
    const image = await ensureImage('busybox')
    const inspect = async (): Promise<string[]> =>
      docker('image', 'inspect', '--format', '{{.Id}} {{json .RootFS}}', image)
    const before = await inspect()
    const run = async (id: string, script: string, more: object = {}): Promise<string> => {
      const task = { image, cmd: ['/bin/sh', '-c', script], ...more }
      await node.client.submit({ id, task, outputs: [{ path: '/out' }], timeoutMs: 60_000 }, id)
      const { status, reason } = await node.client.wait(id)
      assert.equal(status, 'succeeded', `${id}: ${reason}`)
      return node.client.log(id)
    }
    const provision = [{ name: 'first.sh', content: `#!/bin/sh\necho ${TRACE} >/provisioned\n` }]
    for (const [name, more] of [
      ['standard', {}],
      ['provisioned', { provision }],
      ['strict', { profile: 'strict' }],
    ] as const) {
      const left = await run(`leaves-${name}`, name === 'strict' ? `${LEAVE} 2>/dev/null; true` : LEAVE, more)
      if (name !== 'strict') {
        for (const what of ['left /tmp', 'left /etc', 'left /dev/shm', 'left a user', 'left a program']) {
          assert.ok(left.includes(what), `a control: it can write there at all: ${what}: ${left}`)
        }
      }
      assert.equal(await run(`looks-after-${name}`, LOOK, name === 'strict' ? more : {}), 'looked\n')
    }
    assert.deepEqual(await inspect(), before, 'the image is what it was')
  },
)

test('A57: what a request leaves in a warm instance, no other task and no later instance finds', options, async () => {
  await using node = await MortalNode.make()
  await node.start()
  const { served } = node
  await ensureAttack()
  const trace = `/tmp/${TRACE}`
  await attack(served, { order: 'write', path: trace, mebibytes: 1 }, 64)
  const look = (mem: number): Promise<unknown> => attack(served, { order: 'exists', paths: [trace] }, mem)
  assert.deepEqual(await look(64), [trace], 'a control: it is still there in the same instance')
  assert.deepEqual(await look(65), [])
  assert.equal((await served.post('/pause')).success, true)
  assert.equal((await served.post('/unpause')).success, true)
  assert.deepEqual(await look(64), [])
})
