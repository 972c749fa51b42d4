import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { PlayedServer } from '../../client/played-server.fixture.ts'
import { openV1Node } from '../../http/v1/v1-node.fixture.ts'
import { commandLine } from '../command-line.fixture.ts'

const node = await openV1Node({
  taker: {
    run: async (process) => {
      process.write('/made', 'made')
      await mkdir(process.argv[0] ?? '')
      await writeFile(join(process.argv[0] ?? '', 'made'), 'mine')
      return 9
    },
  },
  maker: {
    run: async (process) => {
      process.write('/made', 'made')
      return Number(process.argv[0] ?? '0')
    },
  },
})
after(() => node[Symbol.asyncDispose]())
const folder = await mkdtemp(join(tmpdir(), 'errand-failures-'))
after(() => rm(folder, { recursive: true }))
const errand = commandLine(`unix://${node.socketPath}`)

/** What stderr holds with `--json`. */
function errorIn(stderr: string): { code: string; message: string; details: object } {
  const { error, ...rest } = JSON.parse(stderr)
  assert.deepEqual(rest, {})
  return error
}

test('whatever keeps a run from beginning is 125, with its code where JSON is asked for', async () => {
  const refusals: [readonly string[], string][] = [
    [['--timeout', 'soon', 'hello'], 'validation_failed'],
    [['--cpu', '4000', 'hello'], 'resources_unsatisfiable'],
    [['--local', '--detach', 'hello'], 'validation_failed'],
    [['--detach', '--rm', 'hello'], 'validation_failed'],
    [['--detach', '--output', `/out:${folder}`, 'hello'], 'validation_failed'],
    [['-i', `${folder}/none:/data`, 'hello'], 'not_found'],
    [['--host', `unix://${folder}/none.sock`, 'hello'], 'node_unavailable'],
    [['--context', 'none', 'hello'], 'not_found'],
  ]
  for (const [words, code] of refusals) {
    const text = await errand(['run', ...words])
    assert.deepEqual([text.status, text.printed.stdout], [125, ''], words.join(' '))
    assert.match(text.printed.stderr, /^errand: .+\n$/)
    const json = await errand(['run', '--json', ...words])
    assert.deepEqual([json.status, json.printed.stdout], [125, ''])
    const error = errorIn(json.printed.stderr)
    assert.equal(error.code, code)
    assert.ok(error.message !== '' && typeof error.details === 'object')
  }
})

test('a wrong command line is 64, as for every command', async () => {
  assert.equal((await errand(['run', '--nonsense', 'hello'])).status, 64)
})

test('75 is that nobody can know: an answer that did not come, and a record that went away', async () => {
  await using server = await PlayedServer.open((_request, response) => response.destroy())
  const cut = await errand(['run', '--host', server.url, '--id', 'cut', 'hello'])
  assert.equal(cut.status, 75)
  assert.match(cut.printed.stderr, /what became of it is not known: errand inspect cut$/m)

  await using forgetful = await PlayedServer.open((request, response) => {
    const isSubmit = request.method === 'POST'
    response.writeHead(isSubmit ? 201 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(isSubmit ? { id: 'gone' } : { code: 'not_found', detail: 'there is none' }))
  })
  const gone = await errand(['run', '--json', '--host', forgetful.url, '--id', 'gone', 'hello'])
  assert.deepEqual([gone.status, errorIn(gone.printed.stderr).code], [75, 'not_found'])
})

test('a result that was not made is told by its name, and no success', async () => {
  const outputs = ['-o', `/made:${folder}`, '-o', `/forgotten:${folder}`]
  const zero = await errand(['run', ...outputs, 'maker'])
  assert.deepEqual([zero.status, zero.printed.stderr], [125, 'errand: output "forgotten" is not there\n'])
  assert.equal(await readFile(join(folder, 'made'), 'utf8'), 'made')
  await rm(join(folder, 'made'))
  const nine = await errand(['run', ...outputs, '--rm', 'maker', '9'])
  assert.deepEqual([nine.status, nine.printed.stderr], [9, 'errand: output "forgotten" is not there\n'])
  await rm(join(folder, 'made'))
})

test('a result that cannot be brought is kept on the node, and no success', async () => {
  // Taken while it runs: before, nothing would have been submitted.
  const taken = join(folder, 'taken')
  const outputs = ['-o', `/forgotten:${folder}`, '-o', `/made:${taken}`]
  const ended = await errand(['run', '--id', 'kept', '--rm', ...outputs, 'taker', taken])
  assert.deepEqual([ended.status, await readFile(join(taken, 'made'), 'utf8')], [9, 'mine'])
  const [job, refused, advice] = ended.printed.stderr.split('\n')
  assert.equal(job, 'errand: output "forgotten" is not there')
  assert.match(refused ?? '', /^errand: made is in .* already/)
  assert.equal(advice, 'errand: it is kept: errand outputs kept')
  assert.equal((await errand(['inspect', 'kept'])).status, 0)
})

test('a place that is taken, or an input that is not there, is told before anything is submitted', async () => {
  await writeFile(join(folder, 'file'), 'mine')
  await mkdir(join(folder, 'full/inner'), { recursive: true })
  await symlink(folder, join(folder, 'link'))
  const refusals: [readonly string[], string][] = [
    [['-o', `/x/file:${folder}`], `${folder}/file is there already, and is not replaced: name another folder for it`],
    [['-o', `/x/full:${folder}`], `${folder}/full is there already, and is not replaced: name another folder for it`],
    [['-o', `/made:${folder}/file/below`], `${folder}/file is there already, and is no folder`],
    [['-i', `${folder}/none:/data`], `-i ${folder}/none: no such file or folder`],
    [['-i', `${folder}/link:/data`], `-i ${folder}/link: it is neither file nor folder`],
  ]
  for (const [words, message] of refusals) {
    const { status, printed } = await errand(['run', '--id', 'never', ...words, 'maker'])
    assert.deepEqual([status, printed.stderr], [125, `errand: ${message}\n`])
  }
  assert.equal((await errand(['inspect', 'never'])).status, 66, 'it left no record')
})

test('JSON of a run that is detached is its record', async () => {
  const { status, printed } = await errand(['run', '-d', '--json', '--id', 'told', 'hello'])
  assert.equal(status, 0)
  const record = JSON.parse(printed.stdout)
  assert.deepEqual([record.id, typeof record.status], ['told', 'string'])
})
