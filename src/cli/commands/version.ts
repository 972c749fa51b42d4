import type { Command } from 'commander'
import { packageVersion } from '../../daemon/package-version.ts'
import type { CommandContext } from './command-context.ts'

export function addVersion(program: Command, { terminal }: CommandContext): void {
  program
    .command('version')
    .description('Print the versions of Errand and Node.js.')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async ({ json }: { readonly json?: boolean }) => {
      const versions = { errand: packageVersion(), node: process.version }
      if (json === true) {
        const { printJson } = await import('../output/json.ts')
        printJson(terminal.stdout, versions)
      } else terminal.stdout.write(`errand ${versions.errand} (Node.js ${versions.node})\n`)
    })
}

const EXAMPLES = `
Examples:
  errand version
  errand version --json`
