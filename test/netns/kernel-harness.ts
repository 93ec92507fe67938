import { spawnSync } from 'node:child_process'
import { systemClock } from '../../src/base/index.ts'
import type { Entry, LinkEntry, NftTableEntry } from '../../src/kernel/index.ts'
import { NetlinkKernel } from '../../src/kernel/index.ts'
import type { Foreign, Harness } from '../../src/kernel/kernel-suite/harness.ts'
import { suiteSecrets } from '../../src/kernel/kernel-suite/wireguard.ts'
import { NetlinkEvents, Netns, netlinkIn, type RunProgram, runProgram } from '../../src/sys/index.ts'

/** A fresh namespace without a name, a second one for pods, and `ip`, `bridge` and `nft` as the other program. */
export async function createHarness(): Promise<Harness> {
  const netns = Netns.create()
  const podNetns = Netns.create()
  // Without any local address the kernel calls every gateway invalid (there is no local table yet).
  run(netns, ['ip', 'link', 'set', 'lo', 'up'])
  const monitors = [
    NetlinkEvents.openIn(netns, 'route', [1, 3, 4, 5, 7, 8, 9, 11, 19], { receiveBufferBytes: 1 << 22 }),
    NetlinkEvents.openIn(netns, 'netfilter', [7], { receiveBufferBytes: 1 << 22 }),
  ]
  const modifications = () => monitors.reduce((count, monitor) => count + monitor.drain().datagrams.length, 0)
  const kernels: NetlinkKernel[] = []
  const open = (small = false) => {
    const kernel = new NetlinkKernel({
      netns,
      runProgram: programsIn(netns),
      wireguard: { openGeneric: () => netlinkIn(netns, 'generic'), secrets: suiteSecrets },
      openEvents: (protocol, groups, options) =>
        NetlinkEvents.openIn(netns, protocol, groups, small ? { receiveBufferBytes: 128 * 1024 } : options),
    })
    kernels.push(kernel)
    return kernel
  }
  const pod = new NetlinkKernel({ netns: podNetns })
  const foreign = realForeign(netns)
  return {
    // A small buffer, so that an overflow takes only some hundred events.
    kernel: open(true),
    handle: netns,
    foreign,
    pod: { handle: podNetns, kernel: pod },
    clock: systemClock,
    restart: () => open(),
    modifications,
    rest: () => quiet(modifications),
    overflow(meanwhile) {
      meanwhile()
      const lines = Array.from(
        { length: 2000 },
        (_, i) => `route add 10.200.${i >> 8}.${i & 255}/32 dev uplink`,
      )
      run(netns, ['ip', '-batch', '-'], lines.join('\n'))
    },
    async eventually(holds) {
      const deadline = performance.now() + 5000
      while (performance.now() < deadline) {
        if (await holds()) return
        await new Promise(resolve => setTimeout(resolve, 2))
      }
      throw new Error('it never came to hold')
    },
    close() {
      for (const kernel of kernels) kernel.close()
      for (const monitor of monitors) monitor.close()
      pod.close()
      netns.close()
      podNetns.close()
    },
  }
}

/** The kernel tells of operational states within 1 s, and within 2 s that an IPv6 address is nobody else's. */
const LONGEST_SILENCE_MS = 2500

/** Until nothing has been modified for as long as the kernel may wait between two things it does by itself. */
async function quiet(modifications: () => number): Promise<void> {
  const deadline = performance.now() + 30_000
  let last = performance.now()
  while (performance.now() - last < LONGEST_SILENCE_MS) {
    if (performance.now() > deadline) throw new Error('the namespace never came to rest')
    await new Promise(resolve => setTimeout(resolve, 20))
    if (modifications() > 0) last = performance.now()
  }
}

/** Runs a command inside the namespace; its failure is the test's. */
export function run(netns: Netns, command: readonly string[], input = ''): string {
  const enter = ['--net=/proc/self/fd/3', ...command]
  const result = spawnSync('nsenter', enter, {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe', netns.fds.netns],
  })
  if (result.status !== 0) throw new Error(`${command.join(' ')}: ${result.stderr || result.error}`)
  return result.stdout
}

/** Starts programs inside the namespace. */
export function programsIn(netns: Netns): RunProgram {
  const enter = `--net=/proc/${process.pid}/fd/${netns.fds.netns}`
  return (program, args, input, environment) =>
    runProgram('nsenter', [enter, program, ...args], input, environment)
}

function realForeign(netns: Netns): Foreign {
  const ip = (line: string) => run(netns, ['ip', ...line.split(' ')])
  return {
    addDevice(name) {
      ip(`link add ${name} type bridge`)
      ip(`link set ${name} up`)
    },
    add: (entry, replace = false) => {
      const [command, ...rest] = addCommand(entry, replace).split(' ')
      run(netns, [command ?? '', ...rest])
      if (entry.kind === 'link' && entry.mtu !== undefined) ip(`link set ${entry.name} mtu ${entry.mtu}`)
    },
    remove(entry) {
      run(netns, removeCommand(entry))
    },
    setLink(name, { up, mtu, mac }) {
      if (up !== undefined) ip(`link set ${name} ${up ? 'up' : 'down'}`)
      if (mtu !== undefined) ip(`link set ${name} mtu ${mtu}`)
      if (mac !== undefined) ip(`link set ${name} address ${mac}`)
    },
    setTxChecksum: (link, on) => netns.writeTxChecksum(link, on),
    rename: (from, to) => void ip(`link set ${from} name ${to}`),
    flushOurRoutes() {
      ip('route flush proto 113 table all')
      ip('-6 route flush proto 113 table all')
    },
    flushIptables: ({ family, table }) =>
      void run(netns, [family === 4 ? 'iptables' : 'ip6tables', '-t', table, '-F']),
    editTable: (table: NftTableEntry) =>
      void run(netns, [
        'nft',
        'add',
        'rule',
        table.family,
        table.name,
        table.chains[0]?.name ?? '',
        'accept',
      ]),
  }
}

function addCommand(entry: Entry, replace: boolean): string {
  const add = replace ? 'replace' : 'add'
  switch (entry.kind) {
    case 'link':
      return addLinkCommand(entry)
    case 'address':
      return `ip address ${add} ${entry.address} dev ${entry.link}`
    case 'route': {
      const mtu = entry.mtu === undefined ? '' : ` mtu ${entry.mtu}`
      const onlink = entry.onlink === true ? ' onlink' : ''
      const via = entry.gateway === undefined ? '' : ` via ${entry.gateway}`
      return `ip route ${add} ${entry.dst}${via} dev ${entry.link} metric ${entry.metric} table ${entry.table}${mtu}${onlink}`
    }
    case 'neighbour':
      return `ip neigh ${add} ${entry.address} lladdr ${entry.mac} dev ${entry.link}`
    case 'fdb':
      return `bridge fdb ${add} ${entry.mac} dev ${entry.link} dst ${entry.dst}`
    case 'qdisc': {
      if (entry.qdisc.type !== 'other') throw new Error('no test adds such a qdisc')
      return `tc qdisc ${add} dev ${entry.link} root ${entry.qdisc.name}`
    }
    case 'nft-table':
      return `nft add table ${entry.family} ${entry.name}`
    default:
      throw new Error(`no test adds a ${entry.kind}`)
  }
}

function addLinkCommand(link: LinkEntry): string {
  if (link.type === 'ifb' || link.type === 'wireguard') return `ip link add ${link.name} type ${link.type}`
  if (link.type !== 'vxlan') throw new Error(`no test adds a ${link.type}`)
  const learning = link.learning ? 'learning' : 'nolearning'
  const { name, vni, local, device, udpPort } = link
  return `ip link add ${name} type vxlan id ${vni} local ${local} dev ${device} dstport ${udpPort} ${learning}`
}

function removeCommand(entry: Entry): string[] {
  switch (entry.kind) {
    case 'link':
      return ['ip', 'link', 'delete', entry.name]
    case 'address':
      return `ip address delete ${entry.address} dev ${entry.link}`.split(' ')
    case 'route': {
      const type = entry.type === undefined || entry.type === 'unicast' ? '' : `${entry.type} `
      return `ip route delete ${type}${entry.dst} metric ${entry.metric} table ${entry.table}`.split(' ')
    }
    case 'rule':
      return `ip rule delete priority ${entry.priority}`.split(' ')
    case 'neighbour':
      return `ip neigh delete ${entry.address} dev ${entry.link}`.split(' ')
    case 'fdb':
      return `bridge fdb delete ${entry.mac} dev ${entry.link} dst ${entry.dst}`.split(' ')
    case 'qdisc':
      return `tc qdisc delete dev ${entry.link} root`.split(' ')
    case 'redirect':
      return `tc filter delete dev ${entry.link} ingress pref 113`.split(' ')
    case 'nft-table':
      return ['nft', 'delete', 'table', entry.family, entry.name]
    case 'nft-element':
      return [
        'nft',
        'delete',
        'element',
        entry.family,
        entry.table,
        entry.set,
        `{ ${entry.key.join(' . ')} }`,
      ]
    case 'iptables-chain': {
      const tables = entry.family === 4 ? 'iptables' : 'ip6tables'
      return ['sh', '-c', `${tables}-save -t ${entry.table} | grep -v ${entry.name} | ${tables}-restore`]
    }
    case 'sysctl':
    case 'offload':
    case 'wireguard':
    case 'wireguard-peer':
      throw new Error(`no test removes a ${entry.kind}`)
  }
}
