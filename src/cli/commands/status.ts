import type { Command } from 'commander'
import { Option } from 'commander'
import type { AgentStatus } from '../../agent/index.ts'
import type { CliContext } from '../context.ts'
import { EXIT, ExitWith } from '../exit.ts'
import { withOutput } from '../options.ts'
import { choosePalette, type Palette } from '../ui/palette.ts'
import { renderTable } from '../ui/table.ts'

const HELP = `
Exit status 1 if the node is not ready, or something is wrong with a peer.

Examples:
  podlace status
  podlace status -o json
  podlace status --admin-socket /run/podlace/agent.sock`

/** More are counted; those with a fault come first. */
const MOST_PEERS = 40

interface StatusFlags {
  readonly adminSocket: string
  readonly output: 'text' | 'json'
}

export function addStatusCommand(program: Command, context: CliContext): void {
  withOutput(program.command('status'))
    .description("this node's agent: lease, backend, peers, and what is wrong")
    .option('--admin-socket <path>', "the agent's admin socket", '/run/podlace/agent.sock')
    .addOption(new Option('--json', 'the same as -o json').implies({ output: 'json' }))
    .addHelpText('after', HELP)
    .action(async ({ adminSocket, output }: StatusFlags) => {
      const { readAgentStatus } = await import('../../agent/index.ts')
      const found = await readAgentStatus(adminSocket)
      const palette = choosePalette(context.stdout.isTerminal, context.env)
      const text = output === 'json' ? JSON.stringify(found) : statusLines(found, palette).join('\n')
      context.stdout.write(`${text}\n`)
      const isSound = found.status.ready && found.peers.every(({ fault }) => fault === null)
      if (!isSound) throw new ExitWith(EXIT.failure)
    })
}

/** The status as people read it. */
export function statusLines({ status, peers }: AgentStatus, palette: Palette): string[] {
  const { node, ready, lacks = '', podCidrs, lease, backend, uplink, attachments, findings } = status
  const facts = [
    ['  pods', `${podCidrs.join(', ') || 'no pod CIDR'}, ${attachments} interfaces`],
    ['  lease', lease.text],
    ['  backend', backend === undefined ? 'none' : backend.type],
    ['  uplink', uplink === undefined ? 'none' : `${uplink.device}, MTU ${uplink.mtu}`],
    ['  peers', peerCounts(peers)],
  ]
  const head = ready ? `${node}: ${palette.good('ready')}` : `${node}: ${palette.bad('not ready')}: ${lacks}`
  const wrong = findings.map(({ about, text }) => `  ${palette.bad('✘')} ${about}: ${text}`)
  return [
    head,
    ...renderTable(facts),
    ...peerLines(peers, palette),
    ...(wrong.length === 0 ? [] : ['', ...wrong]),
  ]
}

function peerCounts(peers: AgentStatus['peers']): string {
  const count = (state: string) => peers.filter(peer => peer.state === state).length
  return `${count('up')} up, ${count('down')} down, ${count('unknown')} not known yet`
}

function peerLines(peers: AgentStatus['peers'], palette: Palette): string[] {
  if (peers.length === 0) return []
  const sorted = peers.toSorted((a, b) => Number(a.fault === null) - Number(b.fault === null))
  const colours = { up: palette.good, down: palette.bad, unknown: palette.warn }
  const rows = sorted
    .slice(0, MOST_PEERS)
    .map(({ node, publicAddress, device, state, ...peer }) => [
      `  ${node}`,
      publicAddress,
      device,
      colours[state](state),
      peer.rttMs === null ? '-' : `${peer.rttMs.toFixed(2)} ms`,
      peer.lossRatio === null ? '-' : `${Math.round(peer.lossRatio * 100)} %`,
      peer.pathMtu === null ? '-' : String(peer.pathMtu),
      peer.lastSeen ?? 'never',
    ])
  const heads = ['  PEER', 'ADDRESS', 'THROUGH', 'STATE', 'RTT', 'LOSS', 'MTU', 'LAST SEEN']
  const more = peers.length - rows.length
  return ['', ...renderTable([heads, ...rows]), ...(more > 0 ? [`  and ${more} more: --json has all`] : [])]
}
