import { run } from '../../examples/tasks/offline/command.ts'
import { docker } from './engine-host.ts'

/** Removes everything of one installation by hand: for tests that failed, whatever state their daemon is in. */
export async function removeLeftovers(installation: string): Promise<void> {
  const filter = ['--filter', `label=dev.errand.installation=${installation}`, '--format', '{{.ID}}']
  for (const id of await docker('ps', '--all', ...filter)) await docker('rm', '--force', '--volumes', id)
  for (const id of await docker('network', 'ls', ...filter)) await docker('network', 'rm', id)
  for (const tool of ['iptables', 'ip6tables']) {
    for (const table of ['filter', 'mangle']) await removeRules(`/usr/sbin/${tool}`, table, installation)
  }
}

async function removeRules(tool: string, table: string, installation: string): Promise<void> {
  const options = ['-w', '5', '-t', table]
  const rules = (await run(tool, [...options, '-S'])).replaceAll('"', '').split('\n')
  for (const rule of rules.filter((line) => line.includes(`errand:${installation}`))) {
    await run(tool, [...options, ...rule.replace(/^-A/, '-D').split(' ')])
  }
}
