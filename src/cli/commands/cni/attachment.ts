import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { hasCode, PodlaceError } from '../../../base/index.ts'
import type { Attachment } from '../../../cni/index.ts'
import type { CliContext } from '../../context.ts'
import { printResult } from '../lab/common.ts'
import {
  type AttachmentFlags,
  attachmentOf,
  checkRoot,
  type NetworkFlags,
  onAttachment,
  openNetwork,
} from './options.ts'

type Flags = NetworkFlags & AttachmentFlags

const ADD_HELP = `
The plugins are called in order, each with the result of the one before. If one refuses, what the others made stays,
so that you can look at it: the same command with del instead of add takes it away.

With --json the result is printed as the last plugin gave it.

Examples:
  podlace cni add pods /run/netns/blue
  podlace cni add pods /run/netns/blue --ifname net1 --args "IgnoreUnknown=1;K8S_POD_NAME=web-1"
  podlace cni add pods /run/netns/blue --capability-args '{"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}'`

const DEL_HELP = `
The plugins are called backwards, with the result and the arguments that add kept. It is no error if nothing is there.

Examples:
  podlace cni del pods /run/netns/blue
  podlace cni del pods --container-id 4f2a…      the namespace is gone, or another runtime's add is to be undone`

/** `add`, `check` and `del`: one interface of one namespace. */
export function addAttachmentCommands(cni: Command, context: CliContext): void {
  onAttachment(cni.command('add'))
    .description('attach a network namespace to a network')
    .argument('<network>', 'its name, as in the configuration')
    .argument('<netns>', 'path of the namespace')
    .addHelpText('after', ADD_HELP)
    .action((network: string, netns: string, flags: Flags) => add(context, network, netns, flags))
  onAttachment(cni.command('check'))
    .description('is what add made still as it should be?')
    .argument('<network>', 'its name, as in the configuration')
    .argument('<netns>', 'path of the namespace')
    .action((network: string, netns: string, flags: Flags) => check(context, network, netns, flags))
  onAttachment(cni.command('del'))
    .description('take a namespace out of a network')
    .argument('<network>', 'its name, as in the configuration')
    .argument('[netns]', 'path of the namespace; it may be gone')
    .addHelpText('after', DEL_HELP)
    .action((network: string, netns: string | undefined, flags: Flags) => del(context, network, netns, flags))
}

async function add(context: CliContext, network: string, netns: string, flags: Flags): Promise<void> {
  checkRoot(context, 'add')
  const attachment = await attachmentOf(context, flags, netns)
  const { list, runtime } = await openNetwork(context, flags, network)
  checkNamespace(attachment)
  const { resultLines } = await import('./result-lines.ts')
  try {
    const result = await runtime.add(list, attachment)
    printResult(context, flags, result, () => [
      `attached ${nameOf(attachment, network)}`,
      ...resultLines(result, list),
    ])
  } catch (error) {
    throw hasCode(error, 'cni.runtime') && error.code !== 'cni.runtime.attached' ? withRemedy(error) : error
  }
}

/** Nothing is undone here: a DEL would also take an interface away that another runtime made under this name. */
function withRemedy(error: PodlaceError): PodlaceError {
  const remedy = 'what was made before stays; the same command with del instead of add takes it away'
  return new PodlaceError(error.op, `${error.message} (${remedy})`, error.payload)
}

async function check(context: CliContext, network: string, netns: string, flags: Flags): Promise<void> {
  checkRoot(context, 'check')
  const attachment = await attachmentOf(context, flags, netns)
  const { list, runtime } = await openNetwork(context, flags, network)
  checkNamespace(attachment)
  const asked = await runtime.check(list, attachment)
  const text = asked
    ? `as it should be: ${nameOf(attachment, network)}`
    : `network ${network} has CHECK disabled; nothing was asked`
  printResult(context, flags, { asked }, () => [text])
}

async function del(
  context: CliContext,
  network: string,
  netns: string | undefined,
  flags: Flags,
): Promise<void> {
  checkRoot(context, 'del')
  const attachment = await attachmentOf(context, flags, netns)
  const { list, runtime } = await openNetwork(context, flags, network)
  await runtime.del(list, attachment)
  printResult(context, flags, { removed: true }, () => [`removed ${nameOf(attachment, network)}`])
}

function nameOf({ ifName, containerId }: Attachment, network: string): string {
  return `${ifName} of container ${containerId}, network ${network}`
}

/** Throws `cni.no-netns`; plugins say the same in many ways. */
function checkNamespace({ netns = '' }: Attachment): void {
  if (existsSync(netns)) return
  const message = `there is no network namespace at ${netns}: \`ip netns add blue\` makes /run/netns/blue, \`lsns -t net\` lists those of processes`
  throw new PodlaceError('find the namespace', message, { code: 'cni.no-netns' })
}
