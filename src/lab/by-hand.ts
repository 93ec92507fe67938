import { commandOutput } from './command.ts'
import { inside, startHolder } from './holder.ts'
import type { IperfEnd } from './iperf.ts'
import type { Lab } from './lab.ts'
import { HAND_HOSTS, hostAddress, segment } from './layout.ts'
import { type ProcessIdentity, signalProcess } from './process-identity.ts'
import type { LabBackend } from './settings.ts'
import { ipBatch, plugIn, portName } from './underlay.ts'

/** Two hosts with a pod each, wired the way an administrator would with `ip` and `bridge`: the yardstick. */
export interface HandMade {
  readonly ends: readonly [IperfEnd, IperfEnd]
  remove(): Promise<void>
}

interface HandHost {
  /** 1 or 2. */
  readonly index: number
  readonly hostNumber: number
  readonly host: ProcessIdentity
  readonly pod: ProcessIdentity
}

const OVERHEAD = 50
/** What is made by hand beside a backend: the kernel's own way that is the most like it. */
export function handMadeWay(backend: LabBackend): 'vxlan' | 'host-gw' {
  return backend === 'host-gw' ? 'host-gw' : 'vxlan'
}

/** RFC 2544's range for benchmarks. */
const podNetwork = (index: number) => `198.18.${index}`
const vtepMac = (index: number) => `02:00:00:00:77:0${index}`

/**
 * Builds the overlay of the lab's backend by hand (or vxlan, for the others), on the lab's own underlay: bridge, veth, vxlan with static
 * neighbour and forwarding entries, or plain routes; and masquerading, which the lab's nodes do too.
 */
export async function makeByHand(lab: Lab): Promise<HandMade> {
  const hosts: HandHost[] = []
  const remove = async () => {
    for (const { host, pod } of hosts) for (const holder of [pod, host]) signalProcess(holder, 'SIGKILL')
    const ports = hosts.map(({ hostNumber }) => `link del ${portName(hostNumber)}`)
    // They may be gone already, together with their peers.
    for (const port of ports)
      await ipBatch('unplug a host', lab.process('underlay'), [port]).catch(() => undefined)
  }
  try {
    for (const [at, hostNumber] of HAND_HOSTS.entries()) hosts.push(await makeHost(lab, at + 1, hostNumber))
    const [first, second] = hosts
    if (first === undefined || second === undefined) throw new Error('two hosts are needed')
    const backend = handMadeWay(lab.state.settings.backend)
    await connectTo(first, second, backend)
    await connectTo(second, first, backend)
    return { ends: [podEnd(first), podEnd(second)], remove }
  } catch (error) {
    await remove()
    throw error
  }
}

async function makeHost(lab: Lab, index: number, hostNumber: number): Promise<HandHost> {
  const env = lab.processEnvironment()
  const script = 'echo 1 > /proc/sys/net/ipv4/ip_forward'
  const host = await startHolder(`hand-made host ${index}`, { mounts: false, script, env })
  let pod: ProcessIdentity
  try {
    pod = await startHolder(`hand-made pod ${index}`, { mounts: false, env })
  } catch (error) {
    signalProcess(host, 'SIGKILL')
    throw error
  }
  await plugIn(lab.process('underlay'), host, hostNumber, segment(1))
  return { index, hostNumber, host, pod }
}

async function connectTo(
  self: HandHost,
  peer: HandHost,
  backend: ReturnType<typeof handMadeWay>,
): Promise<void> {
  const own = podNetwork(self.index)
  const mtu = backend === 'vxlan' ? 1500 - OVERHEAD : 1500
  await ipBatch('wire a pod by hand', self.host, [
    'link add bridge0 type bridge',
    `link set bridge0 mtu ${mtu} up`,
    `address add ${own}.1/24 dev bridge0`,
    `link add pod0 mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${self.pod.pid}`,
    'link set pod0 master bridge0 up',
    ...(backend === 'vxlan' ? vxlanCommands(self, peer) : [hostGatewayCommand(peer)]),
  ])
  await ipBatch('address a pod by hand', self.pod, [
    `address add ${own}.2/24 dev eth0`,
    'link set eth0 up',
    `route add default via ${own}.1`,
  ])
  const masquerade = [...inside(self.host, 'net'), 'nft', '-f', '-']
  await commandOutput('masquerade by hand', masquerade, { stdin: masqueradeRules(own) })
  if (backend !== 'vxlan') return
  const entry = [vtepMac(peer.index), 'dev', 'vxlan0', 'dst', hostAddress(peer.hostNumber, segment(1))]
  const argv = [...inside(self.host, 'net'), 'bridge', 'fdb', 'append', ...entry, 'self', 'permanent']
  await commandOutput('forward to a peer by hand', argv)
}

function vxlanCommands(self: HandHost, peer: HandHost): string[] {
  const local = hostAddress(self.hostNumber, segment(1))
  const far = podNetwork(peer.index)
  return [
    `link add vxlan0 address ${vtepMac(self.index)} type vxlan id 1 dstport 8472 local ${local} dev eth0 nolearning`,
    `address add ${podNetwork(self.index)}.0/32 dev vxlan0`,
    `link set vxlan0 mtu ${1500 - OVERHEAD} up`,
    `neighbour add ${far}.0 lladdr ${vtepMac(peer.index)} dev vxlan0 nud permanent`,
    `route add ${far}.0/24 via ${far}.0 dev vxlan0 onlink`,
  ]
}

/** Pods may reach the world, as they may in the lab: connection tracking is part of the price on both sides. */
function masqueradeRules(own: string): string {
  const network = podNetwork(0).replace(/\.0$/, '.0.0/16')
  return `table ip by-hand {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr ${own}.0/24 ip daddr ${network} return
    ip saddr ${network} ip daddr ${own}.0/24 return
    ip saddr ${network} ip daddr != 224.0.0.0/4 masquerade fully-random
  }
}
`
}

function hostGatewayCommand(peer: HandHost): string {
  const gateway = hostAddress(peer.hostNumber, segment(1))
  return `route add ${podNetwork(peer.index)}.0/24 via ${gateway}`
}

function podEnd({ index, pod }: HandHost): IperfEnd {
  return { argv: inside(pod, 'net'), address: `${podNetwork(index)}.2` }
}
