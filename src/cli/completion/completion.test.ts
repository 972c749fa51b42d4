import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Command, Option } from 'commander'
import { runCommand } from '../program.ts'
import { testTerminal } from '../test-terminal.fixture.ts'
import { type CommandNode, commandTree } from './command-tree.ts'
import { completionScript, type Shell } from './script.ts'

async function scriptFor(shell: string): Promise<string> {
  const terminal = testTerminal()
  const status = await runCommand(['completion', shell], () => Promise.reject(new Error('no daemon')), terminal)
  assert.equal(status, 0, terminal.printed.stderr)
  return terminal.printed.stdout
}

/** Runs a script in a shell of this machine. */
function runIn(shell: Shell, args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(shell, args, { encoding: 'utf8', cwd: folder })
}

function has(shell: string): boolean {
  return spawnSync(shell, ['-c', 'exit 0']).status === 0
}

const folder = await mkdtemp(join(tmpdir(), 'errand-completion-'))
before(async () => {
  await writeFile(join(folder, 'node one.yaml'), '')
  await mkdir(join(folder, 'nodes'))
})
after(() => rm(folder, { recursive: true }))

/** What bash offers for the last word of a command line. `errand`: what that does when the script calls it. */
async function bash(line: string, errand = ':'): Promise<string[]> {
  const words = line.split(' ')
  const script = `${await scriptFor('bash')}
    compopt() { :; }
    errand() { ${errand}; }
    COMP_LINE='${line}'; COMP_POINT=${line.length}
    COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
    _errand && printf '%s\\n' "\${COMPREPLY[@]}"`
  const { status, stdout, stderr } = runIn('bash', ['--norc', '-c', script])
  assert.deepEqual([status, stderr], [0, ''])
  return stdout.split('\n').filter((word) => word !== '')
}

describe('in bash', { skip: has('bash') ? false : 'there is no bash' }, () => {
  test('commands, and those below them, are completed', async () => {
    assert.deepEqual(await bash('errand to'), ['token'])
    assert.deepEqual(await bash('errand token '), ['create', 'list', 'revoke', 'help', '-h', '--help'])
    assert.deepEqual(await bash('errand context l'), ['list', 'ls'])
    assert.ok((await bash('errand ')).includes('doctor'))
  })

  test('options are those of the command, hidden ones left out, also behind an alias or another option', async () => {
    assert.deepEqual(await bash('errand doctor --js'), ['--json'])
    assert.deepEqual(await bash('errand context ls --j'), ['--json'])
    assert.deepEqual(await bash('errand serve --cpu 2 --lo'), ['--log-level'])
    assert.deepEqual(await bash('errand serve --enable'), [])
  })

  test('values are completed where there is a list of them, and are nothing else where there is none', async () => {
    assert.deepEqual(await bash('errand doctor --profile '), ['standard', 'strict'])
    assert.deepEqual(await bash('errand doctor --profile = st'), ['standard', 'strict'])
    assert.deepEqual(await bash('errand doctor --profile ='), ['standard', 'strict'])
    assert.deepEqual(await bash('errand completion '), ['bash', 'zsh', 'fish', '-h', '--help'])
    assert.deepEqual(await bash('errand serve --cpu '), [])
  })

  test('files and folders are completed, whatever their names', async () => {
    assert.deepEqual((await bash('errand serve --config node')).toSorted(), ['node one.yaml', 'nodes'])
    assert.deepEqual(await bash('errand serve --state-dir no'), ['nodes'])
  })

  test('ids and names are those that a node knows, and options where it knows none or one is begun', async () => {
    const tells = `[[ "$*" == "__complete -- tr logs --host unix:///x.sock -n 5" ]] && echo train-1`
    assert.deepEqual(await bash('errand logs --host unix:///x.sock -n 5 tr', tells), ['train-1'])
    assert.deepEqual(await bash('errand rm ', `[[ $# == 4 && -z $3 ]] && printf '%s\\n' a '$(touch touched)'`), [
      'a',
      '$(touch touched)',
    ])
    assert.ok(!existsSync(join(folder, 'touched')), 'what comes is not expanded')
    assert.deepEqual(await bash('errand tasks rm ', 'echo "$4-$5"'), ['tasks-rm'])
    for (const line of ['errand logs --js', 'errand inspect --js']) {
      assert.deepEqual(await bash(line, 'echo train-1'), ['--json'])
    }
    assert.ok((await bash('errand logs ', 'return 1')).includes('--follow'))
    assert.deepEqual(await bash('errand serve --cpu ', 'echo train-1'), [])
  })

  test('the script registers itself', async () => {
    const script = `${await scriptFor('bash')}\ncomplete -p errand`
    assert.equal(runIn('bash', ['--norc', '-c', script]).stdout, 'complete -F _errand errand\n')
  })
})

test('fish completes as bash does', { skip: has('fish') ? false : 'there is no fish' }, async () => {
  const offers = async (line: string): Promise<string[]> => {
    const script = `${await scriptFor('fish')}\nfunction errand; echo asked-$argv[4]; end\ncomplete -C '${line}'`
    const { status, stdout, stderr } = runIn('fish', ['--no-config', '-c', script])
    assert.deepEqual([status, stderr], [0, ''])
    return stdout.split('\n').flatMap((row) => (row === '' ? [] : [row.split('\t')[0] ?? '']))
  }
  assert.deepEqual(await offers('errand doctor --profile '), ['standard', 'strict'])
  assert.deepEqual(await offers('errand context l'), ['list', 'ls'])
  assert.deepEqual(await offers('errand context ls --j'), ['--json'])
  assert.deepEqual(await offers('errand serve --cpu '), [])
  assert.deepEqual(await offers('errand logs '), ['asked-logs'])
})

test('zsh completes as bash does', { skip: has('zsh') ? false : 'there is no zsh' }, async () => {
  // What the completion system would do with it is printed.
  const script = `compdef() { print -r -- "$@" }
    ${await scriptFor('zsh')}
    compadd() { print -r -- "$@" }; _files() { print -r -- "files $@" }; _describe() { print -rl -- "\${(@)rows%%:*}" }
    words=(errand doctor --profile ""); CURRENT=4; _errand
    words=(errand context ls --j); CURRENT=4; _errand
    words=(errand serve --config ""); CURRENT=4; _errand
    words=(errand serve --state-dir ""); CURRENT=4; _errand
    words=(errand serve --cpu ""); CURRENT=4; _errand
    errand() { print -r -- asked-$4 }
    words=(errand tasks rm ""); CURRENT=4; _errand`
  const { stdout } = runIn('zsh', ['-f', '-c', script])
  const expected = [
    '_errand errand',
    '-- standard strict',
    '--json',
    '-h',
    '--help',
    'files ',
    'files -/',
    '-- asked-tasks',
  ]
  assert.deepEqual(stdout.trimEnd().split('\n'), expected)
})

test('every command and option of the program is in the script of every shell', async () => {
  const terminal = testTerminal()
  await runCommand(['--help'], () => Promise.reject(new Error('no daemon')), terminal)
  const commands = [...terminal.printed.stdout.matchAll(/^ {2}([a-z]+)(?: |$)/gm)].flatMap(([, name]) => name ?? [])
  assert.ok(commands.length > 5)
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = await scriptFor(shell)
    for (const name of commands) assert.match(script, new RegExp(`\\b${name}\\b`), `${shell}: ${name}`)
    assert.ok(script.includes('__complete --'), shell)
    assert.ok(script.includes('docker-host') && script.includes('standard') && !script.includes('enable-faults'))
  }
})

test('a shell that there is no script for is a wrong command line', async () => {
  const terminal = testTerminal()
  assert.equal(await runCommand(['completion', 'csh'], () => Promise.reject(new Error('no daemon')), terminal), 64)
  assert.match(terminal.printed.stderr, /bash, zsh, fish/)
})

test('a tree says how values are completed', () => {
  const program = new Command('p')
  program
    .command('c')
    .option('-f, --file <file>', "what's\nread")
    .option('--to <folder>')
    .option('--n [number]')
    .addOption(new Option('--x').hideHelp())
  const node: CommandNode | undefined = commandTree(program).find(({ path }) => path === 'p c')
  assert.deepEqual(
    node?.options.map(({ flags, value, description }) => [flags.join(), value.kind, description]),
    [
      ['-f,--file', 'file', "what's read"],
      ['--to', 'folder', ''],
      ['--n', 'text', ''],
      ['-h,--help', 'none', 'display help for command'],
    ],
  )
})

test('what descriptions say cannot be taken as a part of the script', () => {
  const program = new Command('errand')
  program
    .command('evil')
    .description(`it's $(touch ${folder}/touched) \`touch ${folder}/touched\` \\'; touch ${folder}/touched #`)
  for (const shell of ['bash', 'zsh', 'fish'] satisfies Shell[]) {
    if (!has(shell)) continue
    const { stderr } = runIn(shell, ['-c', completionScript(shell, program)])
    if (shell !== 'zsh') assert.equal(stderr, '')
    assert.notEqual(spawnSync('test', ['-e', join(folder, 'touched')]).status, 0)
  }
})
