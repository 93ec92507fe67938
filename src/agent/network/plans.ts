import { guardedTunnels } from '../../attach/index.ts'
import { type Collection, derive, index, union } from '../../derive/index.ts'
import { type Entry, entryKey } from '../../kernel/index.ts'
import type { Node } from '../../model/index.ts'
import {
  type Claim,
  claimsOf,
  type OverlayEffect,
  type OverlayFinding,
  type OverlayPeer,
  type OverlayPlan,
  type PeerEnd,
  type PeerReading,
  peerFromNode,
  planAnnounced,
  planNode,
  planPeer,
} from '../../overlay/index.ts'
import type { Attached } from '../attachments/record.ts'
import type { SelfNetwork } from './self.ts'

export interface PlanInputs {
  /** Everything the node's kernel should hold depends on these four. */
  readonly nodes: Collection<Node>
  /** One item, under `SELF_KEY`. */
  readonly self: Collection<SelfNetwork>
  readonly attachments: Collection<Attached>
  /** What the attachments of a network share. */
  readonly networks: Collection<readonly Entry[]>
}

export interface Plans {
  /** Keyed by `entryKey`. */
  readonly entries: Collection<Entry>
  /** Keyed by `effectKey`. */
  readonly effects: Collection<OverlayEffect>
  readonly findings: Collection<OverlayFinding>
  /** Ways to peers, keyed by node and family. */
  readonly ends: Collection<PeerEnd>
}

export const SELF_KEY = 'self'

const EMPTY_PLAN: OverlayPlan = { entries: [], effects: [], findings: [], tunnelPorts: [], ends: [] }

/** From objects to the entries of this node's namespace: the whole of what the agent decides. */
export function planEverything({ nodes, self, attachments, networks }: PlanInputs): Plans {
  const readings = derive('peer readings', nodes, (node, read, key) => {
    const nodeName = read.get(self, SELF_KEY)?.self.nodeName
    return node.metadata.name === nodeName ? [] : [{ key, value: peerFromNode(node) }]
  })
  const claims = derive('claims', readings, ({ peer }, read) => {
    const config = read.get(self, SELF_KEY)?.config
    if (peer === undefined || config === undefined) return []
    return claimsOf(config, peer).map(claim => ({ key: `${claim.nodeName} ${claim.slot}`, value: claim }))
  })
  const claimsBySlot = index(claims, 'slot', claim => claim.slot)
  const peerPlans = derive<PeerReading, OverlayPlan>(
    'peer plans',
    readings,
    ({ peer, findings }, read, key) => {
      const network = read.get(self, SELF_KEY)
      if (network === undefined) return []
      if (peer === undefined) return [{ key, value: { ...EMPTY_PLAN, findings } }]
      const rivals = rivalsOf(peer, network, slot => read.where(claimsBySlot, slot))
      const plan = planPeer(network.config, network.self, peer, rivals)
      return [{ key, value: { ...plan, findings: [...findings, ...plan.findings] } }]
    },
  )
  const ownPlans = derive<SelfNetwork, OverlayPlan>('node plan', self, ({ config, self }, _read, key) => [
    { key, value: planNode(config, self) },
  ])
  // Of our own object, as the others see it: they send the way that it tells.
  const announcedPlans = derive<Node, OverlayPlan>('announced plan', nodes, (node, read, key) => {
    const network = read.get(self, SELF_KEY)
    if (network === undefined || node.metadata.name !== network.self.nodeName) return []
    const { peer } = peerFromNode(node)
    return peer === undefined ? [] : [{ key, value: planAnnounced(network.config, network.self, peer) }]
  })
  const plans = [ownPlans, announcedPlans, peerPlans]
  // While a network changes its backend or port, nodes take packets at the old and the new ones.
  const tunnelPorts = union(
    'tunnel ports',
    plans.map(collection => derive(`${collection.name}: tunnel ports`, collection, portsOf)),
  )
  return {
    entries: union('entries', [
      ...plans.map(collection => derive(`${collection.name}: entries`, collection, plan => plan.entries)),
      derive('attachment entries', attachments, ({ plan }) => keyed(plan.host)),
      derive('network entries', networks, keyed),
      derive('guarded tunnels', networks, (entries, read) => {
        const ports = Array.from(read.all(tunnelPorts), ([, port]) => port)
        return keyed(guardedTunnels(entries, ports))
      }),
    ]),
    effects: union(
      'effects',
      plans.map(collection => derive(`${collection.name}: effects`, collection, plan => plan.effects)),
    ),
    ends: derive('peer ends', peerPlans, ({ ends }) =>
      ends.map(end => ({ key: `${end.nodeName} ${end.family}`, value: end })),
    ),
    findings: union(
      'findings',
      plans.map(collection => derive(`${collection.name}: findings`, collection, findingsOf)),
    ),
  }
}

function rivalsOf(
  peer: OverlayPeer,
  { config }: SelfNetwork,
  claimants: (slot: string) => readonly Claim[],
): readonly Claim[] {
  return claimsOf(config, peer).flatMap(({ slot }) =>
    claimants(slot).filter(({ nodeName }) => nodeName !== peer.nodeName),
  )
}

function findingsOf(plan: OverlayPlan) {
  return plan.findings.map(finding => ({ key: `${finding.object}: ${finding.text}`, value: finding }))
}

function portsOf({ tunnelPorts }: OverlayPlan) {
  return tunnelPorts.map(port => ({ key: String(port), value: port }))
}

function keyed(entries: readonly Entry[]) {
  return entries.map(value => ({ key: entryKey(value), value }))
}
