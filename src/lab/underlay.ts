import { commandOutput } from './command.ts'
import { inside, startHolder } from './holder.ts'
import { hostAddress, type Segment, segment } from './layout.ts'
import type { ProcessIdentity } from './process-identity.ts'

/**
 * The network between the nodes, in a namespace of its own: one bridge a segment. The bridge has the segment's
 * `.254`, so this namespace is also the router between two segments and the world outside the cluster.
 */
export async function startUnderlay(
  segments: number,
  env: Readonly<Record<string, string>>,
): Promise<ProcessIdentity> {
  const script = 'echo 1 > /proc/sys/net/ipv4/ip_forward'
  const holder = await startHolder('the underlay', { mounts: false, script, env })
  const batch = Array.from({ length: segments }, (_, index) => bridgeCommands(segment(index + 1))).flat()
  await ipBatch('make the underlay', holder, batch)
  return holder
}

function bridgeCommands({ bridge, gateway }: Segment): string[] {
  return [
    `link add ${bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
    `address add ${gateway}/24 dev ${bridge}`,
    `link set ${bridge} up`,
  ]
}

/** Name of a host's port on its segment's bridge; interface names have at most 15 bytes. */
export function portName(hostNumber: number): string {
  return `port${hostNumber}`
}

/**
 * Plugs a namespace into a segment: `eth0` with the host's address and a default route there, a bridge port here.
 * The pair is created in its two places directly; the machine's own namespace never sees it.
 */
export async function plugIn(
  underlay: ProcessIdentity,
  host: ProcessIdentity,
  hostNumber: number,
  into: Segment,
): Promise<void> {
  const port = portName(hostNumber)
  await ipBatch(`plug host ${hostNumber} into the underlay`, underlay, [
    `link add ${port} type veth peer name eth0 netns ${host.pid}`,
    `link set ${port} master ${into.bridge}`,
    `link set ${port} up`,
  ])
  await ipBatch(`give host ${hostNumber} its address`, host, [
    `address add ${hostAddress(hostNumber, into)}/24 dev eth0`,
    'link set eth0 up',
    `route add default via ${into.gateway}`,
  ])
}

/**
 * Cuts a host off without a trace on its own interfaces (carrier stays): its bridge port forwards nothing.
 * `bridge link set dev portN state 0`.
 */
export async function setPortForwarding(
  underlay: ProcessIdentity,
  hostNumber: number,
  forwarding: boolean,
): Promise<void> {
  const state = forwarding ? '3' : '0'
  const argv = [...inside(underlay, 'net'), 'bridge', 'link', 'set', 'dev', portName(hostNumber)]
  await commandOutput(`set the port of host ${hostNumber}`, [...argv, 'state', state])
}

/** `ip -batch` in a holder's network namespace: one process for many commands. */
export async function ipBatch(
  what: string,
  holder: ProcessIdentity,
  commands: readonly string[],
): Promise<void> {
  const argv = [...inside(holder, 'net'), 'ip', '-batch', '-']
  await commandOutput(what, argv, { stdin: `${commands.join('\n')}\n` })
}
