import type { BridgeLink, BridgeVlan, Entry, LinkEntry } from '../entry.ts'
import { isMoved, otherNamespace } from '../kinds/link.ts'
import { type VlanChanges, vlanChanges } from '../kinds/vlans.ts'
import type { ApplyContext, Operation } from '../operation.ts'
import type { FakeNamespace } from './fake-namespace.ts'
import type { LinkSettings, PlainSettings } from './link-settings.ts'
import { withoutSettings } from './links.ts'
import { fetchDevice } from './moves.ts'

/** A message to the kernel, carried out when called; a `Refusal` is its answer. */
export type Step = () => void

/** The messages of an operation on a link. The program may die between two. */
export function linkSteps(
  namespace: FakeNamespace,
  op: Exclude<Operation['op'], 'delete'>,
  link: LinkEntry,
  before: Entry | undefined,
  context: ApplyContext | undefined,
): Step[] {
  if (op === 'create') return creation(namespace, link, context)
  return changes(namespace, op === 'adopt' ? onlyMark(link) : link, before)
}

/** A new link bears no mark at first, unless it is fetched, and what only a port has cannot be said of it. */
function creation(namespace: FakeNamespace, link: LinkEntry, context: ApplyContext | undefined): Step[] {
  const handle = context?.namespaces.get(otherNamespace(link) ?? '')
  const other = handle && namespace.namespaceOf(handle.fds.netns)
  if (isMoved(link)) {
    return [
      () => fetchDevice(namespace, link, other),
      ...changes(namespace, { ...link, claim: 'use' }, undefined),
    ]
  }
  const { owner, bridgePort, up, ...rest } = link
  const marked = () => namespace.changeLink(link.name, {}, owner)
  if (link.type === 'tun') {
    const birth = () => {
      namespace.createLink(withoutSettings(link))
      marked()
    }
    return [birth, ...changes(namespace, { ...link, claim: 'use' }, undefined)]
  }
  const isUpAtOnce = up === true && bridgePort === undefined
  return [
    () => namespace.createLink({ ...rest, owner: '', up: isUpAtOnce }, other),
    marked,
    ...(bridgePort === undefined ? [] : [() => setPort(namespace, link)]),
    ...(up === true && !isUpAtOnce ? [() => namespace.changeLink(link.name, { up })] : []),
  ]
}

/** The differences to what was seen, with the mark; the settings of a port; up or down. */
function changes(namespace: FakeNamespace, link: LinkEntry, before: Entry | undefined): Step[] {
  const known = before?.kind === 'link' ? before : undefined
  const { name, bridgePort, up, owner } = link
  const settings = differing<LinkSettings>(link, known ?? {}, ['mtu', 'mac', 'master'])
  const plain = differing<PlainSettings>(link, known ?? {}, PLAIN)
  const isMarked = link.claim === 'use' || (known?.claim === 'own' && known.owner === owner)
  const isPlain = Object.keys(plain).length === 0
  const differs = !isMarked || !isPlain || Object.keys(settings).length > 0
  const turns = up !== undefined && up !== (known?.up ?? !up)
  return [
    ...(differs
      ? [() => namespace.changeLink(name, { ...settings, plain }, isMarked ? undefined : owner)]
      : []),
    ...(link.type === 'bridge' && link.vlans !== undefined ? [() => setOwnVlans(namespace, link)] : []),
    ...(bridgePort === undefined ? [] : [() => setPort(namespace, link)]),
    ...(turns ? [() => namespace.changeLink(name, { up })] : []),
  ]
}

const PLAIN = [
  ...(['promisc', 'allmulticast', 'txQueueLength'] as const),
  ...(['vlanFiltering', 'vlanDefaultPvid', 'broadcastQueueLength'] as const),
]

/** What is wanted, where it is not so already. */
function differing<T extends object>(wanted: T, known: T, names: readonly (keyof T)[]): Partial<T> {
  const result: Partial<T> = {}
  for (const name of names) {
    if (wanted[name] !== undefined && wanted[name] !== known[name]) result[name] = wanted[name]
  }
  return result
}

function setPort(namespace: FakeNamespace, link: LinkEntry): void {
  const { vlans, ...settings } = link.bridgePort ?? {}
  const before = namespace.needLink(link.name).bridgePort?.vlans
  const after = vlansAfter(vlanChanges(link, vlans, before), before)
  namespace.changeLink(link.name, {
    bridgePort: { ...settings, ...(vlans === undefined ? {} : { vlans: after }) },
  })
}

function setOwnVlans(namespace: FakeNamespace, bridge: BridgeLink): void {
  const seen = namespace.needLink(bridge.name)
  const before = seen.type === 'bridge' ? seen.vlans : undefined
  const vlans = vlansAfter(vlanChanges(bridge, bridge.vlans, before), before)
  namespace.changeLink(bridge.name, { plain: { vlans } })
}

function vlansAfter({ add, remove }: VlanChanges, before: readonly BridgeVlan[] = []): BridgeVlan[] {
  const after = new Map([...before, ...add].map(vlan => [vlan.id, vlan]))
  for (const { id } of remove) after.delete(id)
  return [...after.values()]
}

function onlyMark({ name, owner }: LinkEntry): LinkEntry {
  return { kind: 'link', type: 'device', name, owner, claim: 'own' }
}
