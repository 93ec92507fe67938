import { type Command, Option } from 'commander'
import type { CniCommand } from '../../../cni/index.ts'
import type { CliContext } from '../../context.ts'
import { readInput } from '../../input.ts'
import {
  type AttachmentFlags,
  attachmentOf,
  checkRoot,
  onContainer,
  onPlugins,
  type PluginFlags,
  pluginDirectories,
  pluginExec,
} from './options.ts'

type Flags = PluginFlags & AttachmentFlags & { readonly command: CniCommand }

/** As much as our plugins take. */
const MAX_INPUT_BYTES = 900 << 10

const HELP = `
The configuration of the one plugin comes on standard input and goes to it unchanged; what it prints is printed.
Nothing is kept, and no list or cache is read.

Examples:
  echo '{"cniVersion": "1.1.0", "name": "lan", "type": "bridge"}' | podlace cni exec bridge --command STATUS
  podlace cni exec host-local /run/netns/blue --command ADD --bin-dir /usr/lib/cni < ipam.json`

/** `exec`: one plugin, as it is. */
export function addExecCommand(cni: Command, context: CliContext): void {
  const command = new Option('--command <verb>', 'what is asked of it')
  onContainer(onPlugins(cni.command('exec')))
    .description('call one plugin with a configuration from standard input')
    .argument('<type>', "the plugin's name")
    .argument('[netns]', 'path of the namespace')
    .addOption(command.choices(['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION']).makeOptionMandatory())
    .addHelpText('after', HELP)
    .action((type: string, netns: string | undefined, flags: Flags) => run(context, type, netns, flags))
}

async function run(
  context: CliContext,
  plugin: string,
  netns: string | undefined,
  flags: Flags,
): Promise<void> {
  const { command } = flags
  if (command !== 'VERSION') checkRoot(context, 'exec')
  const { callEnvironment, pluginFailure } = await import('../../../cni/index.ts')
  const hasContainer = command === 'ADD' || command === 'DEL' || command === 'CHECK'
  const attachment = hasContainer ? await attachmentOf(context, flags, netns) : undefined
  const directories = pluginDirectories(context, flags)
  const exec = await pluginExec(context, flags)
  // VERSION has no configuration, so that nothing is waited for.
  const input = command === 'VERSION' ? '{}' : await readInput(context, 'the configuration', MAX_INPUT_BYTES)
  const stdin = Buffer.from(input).toString('utf8')
  const variables = callEnvironment(command, directories, attachment)
  const output = await exec({ plugin, directories, variables, stdin })
  if (output.exitCode !== 0) throw pluginFailure(command, plugin, output)
  const text = Buffer.from(output.stdout).toString('utf8')
  if (text !== '') context.stdout.write(text.replace(/\n?$/, '\n'))
}
