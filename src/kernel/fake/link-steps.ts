import type { Entry, LinkEntry } from '../entry.ts'
import type { ApplyContext, Operation } from '../operation.ts'
import type { FakeNamespace } from './fake-namespace.ts'
import type { LinkSettings } from './link-settings.ts'

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

/** Links that are named by what is asked of this one. */
export function linksNeeded(link: LinkEntry): string[] {
  return ['device' in link ? link.device : undefined, link.master].filter(name => name !== undefined)
}

/** A new link bears no mark at first, and what only a port has cannot be said of it. */
function creation(
  namespace: FakeNamespace,
  { owner, bridgePort, up, ...link }: LinkEntry,
  context: ApplyContext | undefined,
): Step[] {
  const handle = link.type === 'veth' ? context?.namespaces.get(link.peer.netns) : undefined
  const peerNamespace = handle && namespace.namespaceOf(handle.fds.netns)
  const isUpAtOnce = up === true && bridgePort === undefined && link.type !== 'tun'
  const change = (settings: LinkSettings, mark?: string) => () =>
    namespace.changeLink(link.name, settings, mark)
  return [
    () => namespace.createLink({ ...link, owner: '', up: isUpAtOnce }, peerNamespace),
    change({}, owner),
    ...(bridgePort === undefined ? [] : [change({ bridgePort })]),
    ...(up === true && !isUpAtOnce ? [change({ up })] : []),
  ]
}

/** The differences to what was seen, with the mark; the settings of a port; up or down. */
function changes(namespace: FakeNamespace, link: LinkEntry, before: Entry | undefined): Step[] {
  const known = before?.kind === 'link' ? before : undefined
  const { name, mtu, mac, master, bridgePort, up, owner } = link
  const vlanFiltering = link.type === 'bridge' ? link.vlanFiltering : undefined
  const knownFiltering = known?.type === 'bridge' ? known.vlanFiltering : undefined
  const settings = {
    mtu: mtu === known?.mtu ? undefined : mtu,
    mac: mac === known?.mac ? undefined : mac,
    master: master === known?.master ? undefined : master,
    vlanFiltering: vlanFiltering === knownFiltering ? undefined : vlanFiltering,
  }
  const isMarked = link.claim === 'use' || (known?.claim === 'own' && known.owner === owner)
  const differs = !isMarked || Object.values(settings).some(value => value !== undefined)
  const turns = up !== undefined && up !== (known?.up ?? !up)
  return [
    ...(differs ? [() => namespace.changeLink(name, settings, isMarked ? undefined : owner)] : []),
    ...(bridgePort === undefined ? [] : [() => namespace.changeLink(name, { bridgePort })]),
    ...(turns ? [() => namespace.changeLink(name, { up })] : []),
  ]
}

function onlyMark({ name, owner }: LinkEntry): LinkEntry {
  return { kind: 'link', type: 'device', name, owner, claim: 'own' }
}
