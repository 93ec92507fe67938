import { formatPrefix, overlaps, parsePrefix } from '../ip/index.ts'
import { type Entry, entryKey } from '../kernel/index.ts'
import type { NetworkConfig } from '../model/index.ts'
import type { Backend, LocalBlock, Needs, PeerSide } from './backend.ts'
import { backendOf, type Way, wayTo } from './backends.ts'
import { blockFault, localBlock, ownBlocks, readOwnBlocks } from './blocks.ts'
import { betterClaim, type Claim, claimsOf } from './claims.ts'
import { effectKey, type OverlayEffect } from './effect.ts'
import { nodeFinding, type OverlayFinding } from './finding.ts'
import { forwardChain } from './forward.ts'
import { masqueradeTable } from './masquerade.ts'
import { mtuFault, podMtu } from './mtu.ts'
import { type OverlayPeer, type OverlaySelf, peerFamily } from './node.ts'
import { type PeerEnd, peerEnd, portsOfPeer } from './peer-end.ts'
import { forwarding } from './sysctls.ts'

/** What a plan comes to. `entries` are keyed by `entryKey`. */
export interface OverlayPlan {
  readonly entries: readonly { readonly key: string; readonly value: Entry }[]
  /** Keyed by `effectKey`. */
  readonly effects: readonly { readonly key: string; readonly value: OverlayEffect }[]
  readonly findings: readonly OverlayFinding[]
  /** UDP ports at which this node or the peer takes packets of the overlay: no pod may send there. */
  readonly tunnelPorts: readonly number[]
  /** Ways to the peer, at most one a family. */
  readonly ends: readonly PeerEnd[]
}

/** What the pod network needs of this node, whatever peers it has: device, address, sysctls, masquerade table. */
export function planNode(config: NetworkConfig, self: OverlaySelf): OverlayPlan {
  const backend = backendOf(config)
  const entries: Entry[] = []
  const locals: LocalBlock[] = []
  const faults = [...(backend.notices ?? [])]
  const { blocks, findings } = readOwnBlocks(config, self)
  for (const own of blocks) {
    const local = localBlock(backend, self, own)
    if (typeof local === 'string') faults.push(local)
    else {
      locals.push(local)
      const tight = mtuFault(backend, self.uplink.mtu, own.family)
      if (tight !== undefined) faults.push(tight)
    }
    entries.push(forwarding(own.family))
    const { masquerade = true, masqueradeRandomFully = true, forwardRules = true } = config.spec
    if (masquerade) entries.push(masqueradeTable(own, masqueradeRandomFully))
    if (forwardRules && self.iptablesFamilies?.includes(own.family)) entries.push(forwardChain(own))
  }
  const own = backend.nodeEntries(self, locals)
  for (const entry of own) if (entry.kind === 'offload') faults.push(checksumNotice(entry.link))
  return plan([...own, ...entries], [...findings, ...faults.map(text => nodeFinding(self.nodeName, text))], {
    effects: backend.nodeEffects?.(self, locals) ?? [],
    tunnelPorts: backend.tunnelPorts,
  })
}

function checksumNotice(device: string): string {
  return `packets that left through ${device} arrived with wrong checksums as long as the network card, or the hypervisor behind it, was to fill them in: this node computes them itself now, which costs processor time; a newer driver may mend it`
}

/** MTU of this node's pods, bytes. */
export function overlayMtu(config: NetworkConfig, self: OverlaySelf): number {
  const families = ownBlocks(config, self).map(own => own.family)
  return podMtu(backendOf(config), self.uplink.mtu, families)
}

/**
 * What this node needs to reach a peer's pods: per family a route, and with vxlan a neighbour and an FDB entry. A peer
 * that announces another way than the network's is reached that way, until its agent has followed.
 *
 * @param rivals claims of other nodes in the slots of this peer's claims (see `claimsOf`)
 */
export function planPeer(
  config: NetworkConfig,
  self: OverlaySelf,
  peer: OverlayPeer,
  rivals: readonly Claim[] = [],
): OverlayPlan {
  if (peer.nodeName === self.nodeName) return plan([], [])
  const way = wayTo(config, peer)
  const fault = lostClaim(config, peer, rivals)
  if (typeof way === 'string' || fault !== undefined) {
    const text = typeof way === 'string' ? way : fault
    return plan([], text === undefined ? [] : [nodeFinding(peer.nodeName, text)])
  }
  const { sides, faults } = sidesOf(config, self, peer, way.backend)
  const outcome = way.backend.peerEntries(self, sides)
  const { faults: ownFaults, ...reached } = outcome
  const parts = [
    reached,
    ...(way.isOwn || sides.length === 0 ? [] : betweenBackends(config, self, peer, way)),
  ]
  const mtu = overlayMtu(config, self)
  const texts = [...faults, ...ownFaults, ...(way.isOwn ? [] : [way.notice])]
  return plan(
    parts.flatMap(({ entries }) => entries),
    texts.map(text => nodeFinding(peer.nodeName, text)),
    {
      effects: parts.flatMap(({ effects = [] }) => effects),
      tunnelPorts: unusualPorts(config, new Set(sides.flatMap(side => portsOfPeer(way.backend, side.peer)))),
      ends: sides.flatMap(side => peerEnd(way.backend, self, peer.nodeName, side, outcome, mtu) ?? []),
    },
  )
}

/**
 * Of ports at which peers take packets those that the network's own backend has not. What a peer tells is not believed of
 * privileged ones, which pods want for DNS and the like: no backend is usually there.
 */
function unusualPorts(config: NetworkConfig, ports: ReadonlySet<number>): readonly number[] {
  const { tunnelPorts } = backendOf(config)
  return [...ports].filter(port => port >= 1024 && !tunnelPorts.includes(port))
}

/**
 * What it takes that this node still receives the way that it announces, as its object has it, if that is not the
 * network's any more: until the others have heard of another one.
 */
export function planAnnounced(config: NetworkConfig, self: OverlaySelf, announced: OverlayPeer): OverlayPlan {
  const way = wayTo(config, announced)
  if (typeof way === 'string' || way.isOwn) return plan([], [])
  const { entries, effects } = receiving(config, self, way.backend)
  return plan(entries, [], { effects: effects ?? [], tunnelPorts: way.backend.tunnelPorts })
}

/** For a peer that sends either way: the network's own as soon as its agent hears of us, until then the one it announces. */
function betweenBackends(
  config: NetworkConfig,
  self: OverlaySelf,
  peer: OverlayPeer,
  { backend }: Way,
): readonly Needs[] {
  const own = backendOf(config)
  const { sides } = sidesOf(config, self, peer, own)
  return [receiving(config, self, backend), own.acceptFrom?.(sides) ?? { entries: [] }]
}

/** The node's own end of a backend. */
function receiving(config: NetworkConfig, self: OverlaySelf, backend: Backend): Needs {
  const blocks = ownBlocks(config, self)
    .map(own => localBlock(backend, self, own))
    .filter(local => typeof local !== 'string')
  return { entries: backend.nodeEntries(self, blocks), effects: backend.nodeEffects?.(self, blocks) ?? [] }
}

/** The families of a peer that the backend carries between it and us. */
function sidesOf(
  config: NetworkConfig,
  self: OverlaySelf,
  peer: OverlayPeer,
  backend: Backend,
): { readonly sides: readonly PeerSide[]; readonly faults: readonly string[] } {
  const sides: PeerSide[] = []
  const faults: string[] = []
  for (const own of ownBlocks(config, self)) {
    const local = localBlock(backend, self, own)
    const side = peerFamily(peer, own.family)
    // What this node lacks is told of this node.
    if (side === undefined || typeof local === 'string') continue
    const fault = familyFault(config, self, { own: local, peer: side })
    if (fault === undefined) sides.push({ own: local, peer: side })
    else faults.push(fault)
  }
  return { sides, faults }
}

/** Why the whole peer is kept out for another one's sake. */
function lostClaim(config: NetworkConfig, peer: OverlayPeer, rivals: readonly Claim[]): string | undefined {
  const lost = betterClaim(claimsOf(config, peer), rivals)
  if (lost === undefined) return undefined
  const [claim, better] = lost
  return `it claims ${claim.what}, but Node ${better.nodeName}, which is older, has ${better.what}: nothing is set up for it until one of the two gives way`
}

/** What keeps one family of the peer out, whatever the backend; the other one is not touched by it. */
function familyFault(
  config: NetworkConfig,
  { nodeName }: OverlaySelf,
  { own, peer }: PeerSide,
): string | undefined {
  const fault = blockFault(config, peer.podCidr)
  if (fault !== undefined) return fault
  if (overlaps(own.block, parsePrefix(peer.podCidr))) {
    return `its pod CIDR ${peer.podCidr} overlaps ${formatPrefix(own.block)} of ${nodeName}: give it another one`
  }
  if (peer.publicAddress !== own.local) return undefined
  return `it says its address is ${peer.publicAddress}, which is that of ${nodeName}: one of the two is wrong`
}

interface PlanParts extends Pick<OverlayPlan, 'tunnelPorts' | 'ends'> {
  readonly effects: readonly OverlayEffect[]
}

function plan(
  entries: readonly Entry[],
  findings: readonly OverlayFinding[],
  { effects = [], tunnelPorts = [], ends = [] }: Partial<PlanParts> = {},
): OverlayPlan {
  return {
    entries: entries.map(value => ({ key: entryKey(value), value })),
    effects: effects.map(value => ({ key: effectKey(value), value })),
    findings,
    tunnelPorts,
    ends,
  }
}
