import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { Home } from '../support/serve-process.ts'
import { V1Client } from '../support/v1-client.ts'

// Other users of this host, who can walk to wherever the permissions let them.

const run = promisify(execFile)
const options = { timeout: 300_000 }
const STRANGER = 65_534
const GROUP = 54_321

/** What came of it: `done`, or the code of an error. */
const REACH = `
const fs = require('node:fs'), net = require('node:net')
const [order, path] = process.argv.slice(1)
const end = (error) => console.log(error ? error.code : 'done')
const call = { read: () => fs.readFileSync(path), list: () => fs.readdirSync(path), make: () => fs.writeFileSync(path, ''),
  remove: () => fs.unlinkSync(path) }[order]
if (order === 'connect') net.connect(path, function () { this.destroy(); end() }).on('error', end)
else { try { call(); end() } catch (error) { end(error) } }`

/** As somebody of one group, without any right of root's. */
async function as(gid: number, order: string, path: string): Promise<string> {
  const who = [`--reuid=${STRANGER}`, `--regid=${gid}`, '--clear-groups', '--inh-caps=-all', '--no-new-privs']
  const { stdout } = await run('setpriv', [...who, process.execPath, '-e', REACH, order, path], { env: {} })
  return stdout.trim()
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

test(
  'A55: another user neither opens the socket nor reads what the daemon keeps; its group opens the socket',
  options,
  async () => {
    await using home = await Home.make()
    // What would hide all that is below, and a state folder that somebody made too openly.
    await chmod(home.folder, 0o755)
    await mkdir(home.stateDir, { mode: 0o755 })
    await chmod(home.stateDir, 0o755)
    const socket = join(home.runDir, 'errand.sock')
    await using node = await home.serve({ listen: ['127.0.0.1:0', `unix:${socket}`] })
    await using client = new V1Client(socket)
    const image = await ensureImage('busybox')
    const command = ['/bin/sh', '-c', 'echo printed; echo result >/result']
    const body = { task: { image, cmd: command, env: { PASSWORD: 'x' } }, outputs: [{ path: '/result' }] }
    const { id } = await client.submit({ id: 'kept', ...body }, 'k')
    assert.equal((await client.wait(id)).status, 'succeeded')

    assert.equal((await stat(home.stateDir)).mode & 0o777, 0o700)
    assert.equal((await stat(socket)).mode & 0o777, 0o660)
    const kept = await filesBelow(home.stateDir)
    assert.ok(kept.some((path) => path.includes('kept')) && kept.some((path) => path.endsWith('.db')), kept.join())
    for (const path of kept) assert.equal(await as(STRANGER, 'read', path), 'EACCES', path)
    for (const gid of [STRANGER, GROUP]) {
      assert.equal(await as(gid, 'list', home.stateDir), 'EACCES')
      assert.equal(await as(gid, 'make', join(home.stateDir, 'x')), 'EACCES')
      assert.equal(await as(gid, 'make', join(home.runDir, 'x')), 'EACCES')
      assert.equal(await as(gid, 'remove', socket), 'EACCES')
      assert.equal(await as(gid, 'connect', socket), 'EACCES')
    }
    await chown(socket, 0, GROUP)
    assert.equal(await as(GROUP, 'connect', socket), 'done')
    assert.equal(await as(STRANGER, 'connect', socket), 'EACCES')

    const open = join(home.folder, 'open')
    await writeFile(open, '')
    assert.equal(await as(STRANGER, 'read', open), 'done', 'a control: what is open to all they do read')
    assert.equal((await node.get('/health')).status, 'ok')
  },
)
