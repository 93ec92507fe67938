import type { Command } from 'commander'
import type { AttachmentId } from '../../../cni/index.ts'
import type { CliContext } from '../../context.ts'
import { EXIT, ExitWith } from '../../exit.ts'
import { renderTable } from '../../ui/table.ts'
import { printResult } from '../lab/common.ts'
import { badSetting, checkRoot, collect, type NetworkFlags, onNetwork, openNetwork } from './options.ts'

interface GcFlags extends NetworkFlags {
  readonly keep?: readonly string[]
  readonly all?: boolean
}

const GC_HELP = `
Every attachment of the network in the cache that is not kept is deleted, then the plugins are told which ones are
valid, so that they remove what nobody knows of any more. Whoever runs pods on this machine must not do so meanwhile.

Examples:
  podlace cni gc pods --keep 4f2a/eth0 --keep 77c1/eth0
  podlace cni gc pods --all                    nothing is valid: everything goes`

/** `gc`, `status` and `version`: a network as a whole. */
export function addNetworkCommands(cni: Command, context: CliContext): void {
  onNetworkNamed(cni.command('gc'))
    .description('delete what is left of attachments that are gone')
    .option('--keep <container/interface>', 'an attachment that is alive; repeatable', collect)
    .option('--all', 'none is alive')
    .addHelpText('after', GC_HELP)
    .action((network: string, _netns: unknown, flags: GcFlags) => gc(context, network, flags))
  onNetworkNamed(cni.command('status'))
    .description('is the network ready for pods?')
    .action((network: string, _netns: unknown, flags: NetworkFlags) => status(context, network, flags))
  onNetworkNamed(cni.command('version'))
    .description("which versions of the protocol do the network's plugins speak?")
    .action((network: string, _netns: unknown, flags: NetworkFlags) => version(context, network, flags))
}

function onNetworkNamed(command: Command): Command {
  return onNetwork(command)
    .argument('<network>', 'its name, as in the configuration')
    .argument('[netns]', 'ignored, since cnitool has it')
}

async function gc(context: CliContext, network: string, flags: GcFlags): Promise<void> {
  checkRoot(context, 'gc')
  const valid = (flags.keep ?? []).map(parseAttachmentId)
  if ((valid.length === 0) === (flags.all !== true)) {
    throw badSetting(
      'say what is alive: --keep CONTAINER/INTERFACE for each attachment, or --all if everything may go',
    )
  }
  const { list, runtime } = await openNetwork(context, flags, network)
  const deleted = await runtime.gc(list, valid)
  const lines = (deleted ?? []).map(
    ({ containerId, ifName }) => `deleted ${ifName} of container ${containerId}`,
  )
  const summary =
    deleted === undefined
      ? `network ${network} has GC disabled; nothing was done`
      : `network ${network} is clean`
  printResult(context, flags, { disabled: deleted === undefined, deleted: deleted ?? [] }, () => [
    ...lines,
    summary,
  ])
}

function parseAttachmentId(text: string): AttachmentId {
  const [containerId = '', ifName = '', ...more] = text.split('/')
  if (containerId !== '' && ifName !== '' && more.length === 0) return { containerId, ifName }
  throw badSetting(`--keep takes CONTAINER/INTERFACE, such as 4f2a/eth0, not ${JSON.stringify(text)}`)
}

async function status(context: CliContext, network: string, flags: NetworkFlags): Promise<void> {
  checkRoot(context, 'status')
  const { list, runtime } = await openNetwork(context, flags, network)
  const asked = await runtime.status(list)
  const plugins = list.plugins.map(({ type }) => type).join(', ')
  const text = asked
    ? `network ${network} is ready: ${plugins} said yes`
    : `network ${network} speaks ${list.cniVersion}, and STATUS came with 1.1.0; nothing was asked`
  printResult(context, flags, { asked }, () => [text])
}

async function version(context: CliContext, network: string, flags: NetworkFlags): Promise<void> {
  const { list, runtime } = await openNetwork(context, flags, network)
  const plugins = await runtime.versions(list)
  const speaks = (versions: readonly string[]) => versions.includes(list.cniVersion)
  const rows = plugins.map(({ plugin, supportedVersions }) => [
    `  ${plugin}`,
    supportedVersions.join(' '),
    speaks(supportedVersions) ? '' : `not ${list.cniVersion}`,
  ])
  const result = { network, cniVersion: list.cniVersion, plugins }
  printResult(context, flags, result, () => [
    `network ${network} speaks ${list.cniVersion}`,
    ...renderTable(rows),
  ])
  if (!plugins.every(({ supportedVersions }) => speaks(supportedVersions))) throw new ExitWith(EXIT.failure)
}
