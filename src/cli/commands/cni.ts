import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { addAttachmentCommands } from './cni/attachment.ts'
import { addConformanceCommand } from './cni/conformance.ts'
import { addExecCommand } from './cni/exec.ts'
import { addInstallCommands } from './cni/install.ts'
import { addNetworkCommands } from './cni/network.ts'

const HELP = `
A network is a *.conflist file in /etc/cni/net.d: a name, and a list of plugins, which are programs in /opt/cni/bin. A
runtime such as containerd calls them for every pod. add, check, del, gc, status and version do the same by hand, for
plugins of any make; exec calls one of them as it is. install puts ours where runtimes find them. They need root.

Examples:
  ip netns add blue
  podlace cni add pods /run/netns/blue       the network named "pods" in /etc/cni/net.d
  podlace cni check pods /run/netns/blue
  podlace cni del pods /run/netns/blue
  podlace cni status pods                    can a pod be attached now? if not, why?
  podlace cni version pods                   which versions do its plugins speak?
  podlace cni exec bridge --command STATUS < one-plugin.json
  podlace cni conformance --bin /opt/cni/bin  do they what the specification demands?
  podlace cni install --agent-uid 64113      make this machine a node of Podlace`

/** `cni ...`: both sides of the protocol by hand. */
export function addCniCommands(program: Command, context: CliContext): void {
  const cni = program
    .command('cni')
    .description('install the CNI plugins, and call any as a runtime does')
    .addHelpText('after', HELP)
  addAttachmentCommands(cni, context)
  addNetworkCommands(cni, context)
  addExecCommand(cni, context)
  addConformanceCommand(cni, context)
  addInstallCommands(cni, context)
}
