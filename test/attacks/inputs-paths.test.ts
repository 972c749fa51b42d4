import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, realpath, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { refusesField } from '../../src/core/refused-field.fixture.ts'
import { checkInputs } from '../../src/files/held-inputs.ts'
import { makePlace, type Place } from '../../src/files/place.fixture.ts'

const run = promisify(execFile)
const isRefusal = refusesField('inputs.0.source')

/** The engine's storage and a folder of ours, as they would be reserved. */
async function makeHost(): Promise<Place> {
  const place = await makePlace()
  for (const name of ['state/executions', 'storage/overlay2', 'good/deep', 'good/..x', 'good/a b', 'good/ä']) {
    await mkdir(place.at(name), { recursive: true })
  }
  await writeFile(place.at('good/file'), '')
  for (const [name, target] of [
    ['to-root', '/'],
    ['to-etc', '/etc'],
    ['to-good', place.at('good')],
    ['to-state', place.at('state')],
    ['relative', 'good'],
    ['to-file', place.at('good/file')],
    ['broken', '/none'],
  ] as const) {
    await symlink(target, place.at(name))
  }
  await symlink('to-good', place.at('twice'))
  await run('mkfifo', [place.at('fifo')])
  return place
}

function hostile({ at, path }: Place): readonly string[] {
  const good = at('good')
  return [
    // All of the host, and what is the system's.
    ['/', '//', '/.', '/..', '/proc', '/proc/1', '/proc/self/root', '/proc/1/root/etc', '/proc/self/fd/0', '/sys'],
    ['/sys/kernel', '/dev', '/dev/null', '/dev/shm', '/run', '/run/docker.sock', '/var/run', '/var/run/docker.sock'],
    ['/var', '/boot', '/etc', '/usr', '/lib', '/bin'],
    // What is ours or the engine's, what is in it, and what it is in.
    [at('state'), at('state/executions'), at('state/none'), at('storage'), at('storage/overlay2'), path],
    // Links, wherever they are.
    ['to-root', 'to-etc', 'to-good', 'to-state', 'relative', 'to-file', 'broken', 'twice'].map(at),
    [at('to-good/deep'), at('twice/deep'), at('to-root/etc/passwd'), at('relative/file')],
    // Neither folder nor file, or not there.
    [at('socket'), at('fifo'), at('none'), `${good}/file/x`, `${good}/none/x`],
    // Unclean, relative, encoded, or too long.
    [`${good}/`, `${good}//deep`, `/${good}`, `${good}/.`, `${good}/..`, `${good}/../good`, `${good}/deep/../..`],
    ['', '.', '..', 'good', './good', '~', `file://${good}`, ` ${good}`, `${good} `, `${good}\n`, `${good}\0`],
    [`${good}\0/../../etc`, `${good}:/etc`, `${good}/%2e%2e`, `${good}/%2e%2e%2f`, `${good}/..%2f`, `${good}/．．`],
    [`${good}\\..`, `${good}/\ud800`, `${good}/\u202e`, `${good}/${'x'.repeat(256)}`, `${good}${'/x'.repeat(2048)}`],
  ].flat()
}

test('A2: no path but a clean one to a folder or file of the user can be mounted', async () => {
  await using place = await makeHost()
  await using _socket = await listen(place.at('socket'))
  const reserved = [place.at('state'), place.at('storage')]
  const paths = hostile(place)
  assert.ok(paths.length >= 50, `${paths.length}`)
  for (const source of paths) {
    const checking = checkInputs([{ type: 'bind', source, target: '/in' }], reserved)
    await assert.rejects(checking, isRefusal, JSON.stringify(source))
  }
  for (const name of ['good', 'good/deep', 'good/file', 'good/..x', 'good/a b', 'good/ä']) {
    await checkInputs([{ type: 'bind', source: place.at(name), target: '/in' }], reserved)
  }
})

test('A2: programs and settings of the host can be read in parts, and never written', async () => {
  for (const source of ['/etc/passwd', '/usr/share', '/etc/ssl']) {
    const mount = { type: 'bind', source: await realpath(source), target: '/in' } as const
    await checkInputs([mount], [])
    await assert.rejects(checkInputs([{ ...mount, readOnly: false }], []), isRefusal, source)
  }
})

test('A2: another path to a reserved folder, by a mount, is known for what it is', async () => {
  await using place = await makeHost()
  const reserved = [place.at('state')]
  for (const [source, name] of [
    [place.at('state'), 'alias'],
    [place.path, 'above'],
    ['/proc', 'kernel'],
  ] as const) {
    await mkdir(place.at(name))
    await using _mounted = await bindMount(source, place.at(name))
    const inside = name === 'alias' ? [place.at(name), place.at(`${name}/executions`)] : [place.at(name)]
    for (const path of inside) {
      const checking = checkInputs([{ type: 'bind', source: path, target: '/in' }], reserved)
      await assert.rejects(checking, isRefusal, path)
    }
  }
})

/** Taken away before the folder that it is in is removed with all that is seen there. */
async function bindMount(source: string, target: string): Promise<AsyncDisposable> {
  await run('mount', ['--bind', source, target])
  return {
    async [Symbol.asyncDispose]() {
      await run('umount', [target])
    },
  }
}

async function listen(path: string): Promise<AsyncDisposable> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return server
}
