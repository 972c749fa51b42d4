import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PlayedServer, says } from '../../client/played-server.fixture.ts'
import { assertFits, commandLine } from '../command-line.fixture.ts'

/** Pages of executions as a node has many of them. */
async function withMany(count: number): Promise<PlayedServer> {
  const view = {
    status: 'running',
    image: { reference: `sha256:${'ab'.repeat(32)}`, id: 'x' },
    times: { accepted: '2026-01-01T00:00:00.000Z' },
  }
  const all = Array.from({ length: count }, (_, at) => ({ id: `a${at}-${'x'.repeat(58)}`, ...view }))
  return PlayedServer.open((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://a')
    const from = Number(searchParams.get('cursor') ?? 0)
    const to = from + Number(searchParams.get('limit'))
    const page = { executions: all.slice(from, to), ...(to < count && { cursor: `${to}` }) }
    says(200, 'application/json', JSON.stringify(page))(request, response)
  })
}

test('ps lists all of them for programs, and for people says how many it does not show', async () => {
  await using server = await withMany(450)
  const many = commandLine(server.url)
  for (const words of [['-q'], ['--json'], []] as const) {
    const { printed } = await many(['ps', ...words])
    assert.equal(
      printed.stdout
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('ID')).length,
      450,
      words[0],
    )
    assert.equal(printed.stderr, '')
  }
  assert.equal((await many(['ps', '-q', '-n', '3'])).printed.stdout.trim().split('\n').length, 3)
  assert.equal((await many(['ps', '-q'], { columns: 80 })).printed.stdout.trim().split('\n').length, 450)
  const screen = await many(['ps'], { columns: 80 })
  assert.equal(screen.printed.stdout.trim().split('\n').length, 51)
  assert.match(screen.printed.stderr, /^errand: 400 more are not shown: /)
  assert.match((await many(['ps', '-n', '449'], { columns: 80 })).printed.stderr, /^errand: 1 more /)
  assert.equal((await many(['ps', '-n', '450'], { columns: 80 })).printed.stderr, '')
  for (const wrong of ['0', '-1', 'x', '1.5']) assert.equal((await many(['ps', '-n', wrong])).status, 65, wrong)
})

test('ps fits a terminal, whatever ids are like, and shows an image without a name as Docker does', async () => {
  await using server = await withMany(2)
  const text = assertFits((await commandLine(server.url)(['ps'], { columns: 80 })).printed.stdout, 80)
  assert.match(text, /^ID +STATUS +IMAGE +AGE +RAN$/m)
  const whole = (await commandLine(server.url)(['ps'])).printed.stdout
  assert.match(whole, /^a0-x{58} +running +abababababab +/m)
})
