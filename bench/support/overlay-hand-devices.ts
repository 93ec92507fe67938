/** What each backend takes by hand on a node, beside what all have in common. */
import type { FakeHost } from './fake-host.ts'
import type { Backend, OverlayNode } from './overlay-hosts.ts'

export interface HandNode extends OverlayNode {
  /** The node's block is `10.244.<block>.0/24`. */
  readonly block: number
}

export interface HandDevice {
  /** Absent where packets go as they are. */
  readonly name?: string
  /** Of pods and the device. */
  readonly mtu: number
  /** UDP ports of the overlay, which the guard keeps pods from. */
  readonly tunnelPorts: readonly number[]
  /** Lines of `ip -batch` that make the device. */
  device(self: HandNode): readonly string[]
  /** And those that lead to a peer. */
  peer(peer: HandNode): readonly string[]
  /** What takes other programs, when the lines were carried out. */
  finish?(self: HandNode, peer: HandNode): Promise<void>
}

const VXLAN_PORT = 8472
/** In the private /run of each node. */
const KEY_FILE = '/run/wireguard.key'
const WIREGUARD_PORTS = [51_820, 51_821] as const

const vtepMac = (block: number) => `02:42:00:00:01:0${block}`
const blockOf = ({ block }: HandNode) => `10.244.${block}.0`

export const HAND_DEVICES: Readonly<Record<Backend, HandDevice>> = {
  'host-gw': {
    mtu: 1500,
    tunnelPorts: [],
    device: () => [],
    peer: peer => [`route add ${blockOf(peer)}/24 via ${peer.address} dev eth0`],
  },
  vxlan: {
    name: 'flannel.1',
    mtu: 1450,
    tunnelPorts: [VXLAN_PORT],
    device: ({ block, address }) => [
      `link add flannel.1 address ${vtepMac(block)} mtu 1450 type vxlan id 1 dstport ${VXLAN_PORT} local ${address} dev eth0 nolearning`,
      'link set flannel.1 addrgenmode none',
    ],
    peer: peer => [
      `neighbour add ${blockOf(peer)} lladdr ${vtepMac(peer.block)} dev flannel.1 nud permanent`,
      `route add ${blockOf(peer)}/24 via ${blockOf(peer)} dev flannel.1 onlink`,
    ],
    async finish({ host }, peer) {
      const entry = [vtepMac(peer.block), 'dev', 'flannel.1', 'dst', peer.address, 'self', 'permanent']
      await host.commands([['bridge', 'fdb', 'append', ...entry]])
    },
  },
  ipip: {
    name: 'flannel.ipip',
    mtu: 1480,
    tunnelPorts: [],
    device: ({ address }) => [
      `link add flannel.ipip mtu 1480 type ipip mode ipip local ${address} ttl inherit nopmtudisc`,
      'link set flannel.ipip addrgenmode none',
    ],
    peer: peer => [`route add ${blockOf(peer)}/24 via ${peer.address} dev flannel.ipip onlink`],
    async finish({ host }, { address }) {
      await host.commands([['nft', '-f', '-']], ipipGuard(address))
    },
  },
  wireguard: {
    name: 'flannel-wg',
    mtu: 1420,
    tunnelPorts: WIREGUARD_PORTS,
    device: () => ['link add flannel-wg mtu 1420 type wireguard', 'link set flannel-wg addrgenmode none'],
    // One route leads to all peers.
    peer: () => ['route add 10.244.0.0/16 dev flannel-wg'],
    async finish({ host, block }, peer) {
      const [port] = WIREGUARD_PORTS
      const own = ['listen-port', String(port), 'private-key', KEY_FILE]
      const publicKey = await keyOfPeer(host, peer)
      const other = ['endpoint', `${peer.address}:${port}`, 'allowed-ips', `${blockOf(peer)}/24`]
      await host.commands([['tee', KEY_FILE]], privateKey(block))
      await host.commands([['wg', 'set', 'flannel-wg', ...own, 'peer', publicKey, ...other]])
    },
  },
}

/** Not secret: it is gone with the benchmark. */
function privateKey(block: number): string {
  return Buffer.alloc(32, block).toString('base64')
}

async function keyOfPeer(host: FakeHost, { block }: HandNode): Promise<string> {
  return (await host.commands([['wg', 'pubkey']], privateKey(block))).trim()
}

function ipipGuard(peer: string): string {
  return `table ip by-hand-ipip {
  set peers { type ipv4_addr; elements = { ${peer} }; }
  chain input {
    type filter hook input priority filter; policy accept;
    meta l4proto 4 ip saddr != @peers counter drop
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    meta l4proto 4 ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 counter drop
  }
}
`
}
