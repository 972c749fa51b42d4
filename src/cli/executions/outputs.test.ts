import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, test } from 'node:test'
import { extract } from 'tar-stream'
import { ErrandClient } from '../../client/client.ts'
import { openV1Node } from '../../http/v1/v1-node.fixture.ts'
import { commandLine } from '../command-line.fixture.ts'

const EVIL = '\u001b]0;owned\u0007'

const node = await openV1Node({
  maker: {
    run: async (process) => {
      process.write('/out/deep/a', 'a\n')
      process.write('/out/evil', EVIL)
      process.write('/size', '7\n')
      return 0
    },
  },
})
after(() => node[Symbol.asyncDispose]())
const errand = commandLine(`unix://${node.socketPath}`)
const client = new ErrandClient({ url: `unix://${node.socketPath}` })
after(() => client.close())
const folder = await mkdtemp(join(tmpdir(), 'errand-outputs-'))
after(() => rm(folder, { recursive: true }))
const made = { id: 'made', task: { image: 'maker' }, outputs: [{ path: '/out' }, { path: '/size' }] }
await client.executions.run(made)

const inFolder = (...names: readonly string[]): string => join(folder, ...names)

test('all results come here by their names, and nothing that is here is replaced', async () => {
  const all = await errand(['outputs', 'made', '-o', inFolder('all')])
  assert.deepEqual([all.status, all.printed.stdout], [0, `${inFolder('all')}\n`])
  assert.deepEqual((await readdir(inFolder('all'), { recursive: true })).toSorted(), [
    'out',
    'out/deep',
    'out/deep/a',
    'out/evil',
    'size',
  ])
  assert.equal((await errand(['outputs', 'made', '-o', inFolder('all')])).status, 73)
  assert.equal(await readFile(inFolder('all/out/deep/a'), 'utf8'), 'a\n')
})

test('a folder goes into a folder; a file does, too, or becomes the file that is named', async () => {
  await errand(['outputs', 'made', 'out/deep', '-o', inFolder('some')])
  assert.equal(await readFile(inFolder('some/deep/a'), 'utf8'), 'a\n')
  await errand(['outputs', 'made', 'size', '-o', inFolder('renamed')])
  assert.equal(await readFile(inFolder('renamed'), 'utf8'), '7\n')
  await mkdir(inFolder('there'))
  const told = await errand(['outputs', '--json', 'made', 'out/deep/a', '-o', inFolder('there')])
  assert.deepEqual(JSON.parse(told.printed.stdout), { id: 'made', path: 'out/deep/a', to: inFolder('there/a') })
  await errand(['outputs', 'made', 'size', '-o', inFolder('new/')])
  assert.equal(await readFile(inFolder('new/size'), 'utf8'), '7\n')
})

test('a dash sends a file as it is, or an archive, to stdout; a terminal gets no instruction by it', async () => {
  const file = ['outputs', 'made', 'out/evil', '-o', '-']
  assert.equal((await errand(file)).printed.stdout, EVIL)
  assert.equal((await errand(file, { columns: 80 })).printed.stdout, '␛]0;owned␇')
  assert.equal((await errand([...file, '--raw'], { columns: 80 })).printed.stdout, EVIL)
  const archive = await errand(['outputs', 'made', '-o', '-'])
  const names: string[] = []
  for await (const entry of Readable.from([Buffer.from(archive.printed.stdout, 'latin1')]).pipe(extract())) {
    names.push(entry.header.name)
    entry.resume()
  }
  assert.ok(names.includes('size') && names.includes('out/deep/a'), names.join())
  assert.equal((await errand(['outputs', 'made', '-o', '-'], { columns: 80 })).status, 65)
})

test('what is not there is told, and leaves nothing', async () => {
  await client.executions.run({ id: 'nothing', task: { image: 'maker' } })
  await client.executions.submit({ id: 'runs', task: { image: 'forever' }, outputs: [{ path: '/out' }] })
  for (const [words, status] of [
    [['nobody'], 66],
    [['nothing'], 66],
    [['made', 'none'], 66],
    [['made', '../made'], 65],
    [['runs'], 69],
  ] as const) {
    const ended = await errand(['outputs', ...words, '-o', inFolder('never')])
    assert.equal(ended.status, status, `${words.join(' ')}: ${ended.printed.stderr}`)
  }
  assert.ok(!(await readdir(folder)).includes('never'))
  await errand(['rm', '--force', 'runs'])
})
