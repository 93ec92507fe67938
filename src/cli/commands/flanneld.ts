import dgram from 'node:dgram'
import { once } from 'node:events'
import os from 'node:os'
import type { Command } from 'commander'
import { familyOf } from '../../ip/index.ts'
import type { CliContext } from '../context.ts'
import type { Surroundings } from '../flanneld/interfaces.ts'
import { keepHeapLean } from '../lean-heap.ts'
import { aborted } from '../stop-signal.ts'
import { VERSION } from '../version.ts'

const HELP = `
Takes flanneld's flags, with one hyphen or two, and FLANNELD_ variables, and runs this node's agent by them:

  NODE_NAME=worker-1 podlace flanneld --kube-subnet-mgr --ip-masq --iface=eth0 --kubeconfig-file=/etc/kubeconfig

The network is that of net-conf.json (--net-config-path); the API server needs none of Podlace's kinds. Without
--kube-subnet-mgr nodes meet in etcd (--etcd-endpoints). A flag that the agent cannot follow is refused by name.`

export function addFlanneldCommand(program: Command, context: CliContext): void {
  program
    .command('flanneld')
    .description("run a node's agent in place of flanneld, with its flags")
    .usage('[flags of flanneld]')
    .allowUnknownOption()
    .allowExcessArguments()
    .helpOption('--help', 'display help for command')
    .addHelpText('after', HELP)
    .action(async (_options: unknown, command: Command) => {
      const { agentConfigOf, asksForVersion, warningsAbout } = await import('../flanneld/translate.ts')
      if (asksForVersion(command.args)) return context.stdout.write(`${VERSION}\n`)
      keepHeapLean()
      const { parseAgentConfig, runAgent } = await import('../../agent/index.ts')
      const config = parseAgentConfig(await agentConfigOf(command.args, context.env, surroundings))
      for (const warning of warningsAbout(command.args)) context.stderr.write(`podlace: ${warning}\n`)
      const agent = await runAgent(config)
      await aborted(context.signal)
      await agent.stop()
    })
}

const surroundings: Surroundings = { interfaces: os.networkInterfaces, hostName: os.hostname, sourceTo }

/** Connecting a UDP socket sends nothing; the kernel chooses the way. */
async function sourceTo(address: string): Promise<string> {
  const socket = dgram.createSocket(familyOf(address) === 6 ? 'udp6' : 'udp4')
  try {
    socket.connect(9, address)
    await once(socket, 'connect')
    return socket.address().address
  } finally {
    socket.close()
  }
}
