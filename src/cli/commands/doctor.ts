import { type Command, Option } from 'commander'
import type { DoctorFlags } from '../doctor.ts'
import type { CommandContext } from './command-context.ts'
import { withConfigFlags } from './config-flags.ts'

export function addDoctor(program: Command, { terminal, end }: CommandContext): void {
  withConfigFlags(program.command('doctor').description('Say whether this machine, or an image, is fit for Errand.'))
    .option('--image <reference>', 'try this image for up to 5 s instead')
    .addOption(new Option('--profile <name>', "for --image; default: the node's").choices(['standard', 'strict']))
    .option('--memory <size>', 'for --image; default: 128MiB')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: DoctorFlags) => {
      const { runDoctor } = await import('../doctor.ts')
      end(await runDoctor(flags, terminal))
    })
}

const EXAMPLES = `
Examples:
  errand doctor
  errand doctor --config node.yaml --json
  errand doctor --image nginx:1.29 --profile strict
  errand doctor --image my/task --memory 512MiB

Changes nothing. An image runs without a network, and is removed afterwards.
Exit status: 0 fit, warnings included; 1 a problem was found; 66 no such image
on this machine, 69 no container engine (with --image).`
