import {
  type Link,
  type LinkChanges,
  type LinkInfo,
  type LinkSpec,
  type Request,
  setLink,
} from '../../../netlink/index.ts'
import type { LinkEntry } from '../../entry.ts'
import type { NamespaceHandle, ObservedEntry } from '../../operation.ts'
import { linkAlias, ownerOfAlias } from '../../ownership.ts'
import type { LinkTable } from '../link-table.ts'

/** A link as the kernel reports it. Kinds that no entry has are `device`. */
export function observedLink(link: Link, links: LinkTable): ObservedEntry {
  const owner = ownerOfAlias(link.alias)
  const master = links.nameOf(link.masterIndex)
  const port = link.portKind === 'bridge' || link.portKind === undefined ? link.bridgePort : undefined
  const common = {
    kind: 'link',
    name: link.name,
    claim: owner === undefined ? 'use' : 'own',
    owner: owner ?? '',
    up: link.up,
    mtu: link.mtu,
    ...(link.mac === undefined ? {} : { mac: link.mac }),
    ...(master === undefined ? {} : { master }),
    ...(master === undefined || port === undefined ? {} : { bridgePort: bridgePortOf(port) }),
  } as const
  const typed = typedLink(link, links)
  return { entry: { ...common, ...typed }, mark: owner === undefined ? 'foreign' : 'ours' }
}

function bridgePortOf(port: NonNullable<Link['bridgePort']>): NonNullable<LinkEntry['bridgePort']> {
  return {
    hairpin: port.hairpin ?? false,
    isolated: port.isolated ?? false,
    learning: port.learning ?? true,
  }
}

type Typed<L> = L extends LinkEntry ? Omit<L, keyof Common> : never
interface Common {
  kind: unknown
  name: unknown
  claim: unknown
  owner: unknown
  up: unknown
  mtu: unknown
  mac: unknown
  master: unknown
  bridgePort: unknown
}

function typedLink(link: Link, links: LinkTable): Typed<LinkEntry> {
  const { info } = link
  switch (info?.kind) {
    case 'bridge':
      return { type: 'bridge', vlanFiltering: info.vlanFiltering ?? false }
    case 'veth':
      return { type: 'veth', peer: { name: '', netns: '' } }
    case 'vxlan':
      return {
        type: 'vxlan',
        vni: info.vni ?? 0,
        udpPort: info.port ?? 0,
        local: info.local ?? '',
        device: links.nameOf(info.linkIndex) ?? '',
        learning: info.learning ?? true,
        gbp: info.gbp ?? false,
      }
    case 'macvlan':
      return { type: 'macvlan', device: links.nameOf(link.parentIndex) ?? '', mode: macvlanMode(info.mode) }
    case 'tun':
      return info.type === 2 ? { type: 'device' } : { type: 'tun' }
    case undefined:
      return { type: 'device' }
  }
}

function macvlanMode(mode: unknown): 'private' | 'vepa' | 'bridge' | 'passthru' {
  return mode === 'private' || mode === 'vepa' || mode === 'passthru' ? mode : 'bridge'
}

/** The request that makes a link, or what it lacks. `up` only now if nothing must be set before. */
export function linkSpec(
  link: LinkEntry,
  links: LinkTable,
  namespace: NamespaceHandle | undefined,
  up: boolean,
): LinkSpec {
  const { name, mtu, mac, master } = link
  const masterIndex = master === undefined ? undefined : links.indexOf(master)
  return {
    name,
    info: linkInfo(link, links, namespace),
    ...(mtu === undefined ? {} : { mtu }),
    ...(mac === undefined ? {} : { mac }),
    ...(masterIndex === undefined ? {} : { masterIndex }),
    ...(link.type === 'macvlan' ? { parentIndex: links.indexOf(link.device) ?? 0 } : {}),
    ...(up ? { up } : {}),
  }
}

function linkInfo(link: LinkEntry, links: LinkTable, namespace: NamespaceHandle | undefined): LinkInfo {
  switch (link.type) {
    case 'bridge':
      return {
        kind: 'bridge',
        ...(link.vlanFiltering === undefined ? {} : { vlanFiltering: link.vlanFiltering }),
      }
    case 'veth': {
      const { name, mac, mtu } = link.peer
      return {
        kind: 'veth',
        peer: {
          name,
          ...(mac === undefined ? {} : { mac }),
          ...(mtu === undefined ? {} : { mtu }),
          ...(namespace === undefined ? {} : { netnsFd: namespace.fds.netns }),
        },
      }
    }
    case 'vxlan': {
      const { vni, udpPort, local, learning, gbp } = link
      const linkIndex = links.indexOf(link.device)
      return {
        kind: 'vxlan',
        vni,
        port: udpPort,
        local,
        learning,
        ...(linkIndex === undefined ? {} : { linkIndex }),
        ...(gbp ? { gbp } : {}),
      }
    }
    case 'macvlan':
      return { kind: 'macvlan', mode: link.mode }
    case 'tun':
    case 'device':
      throw new TypeError(`a ${link.type} is not made by a link message`)
  }
}

/** What creation cannot set: the mark, and what only a port has. */
export function afterCreation(link: LinkEntry): Request[] {
  const alias = setLink({ name: link.name }, { alias: linkAlias(link.owner) })
  return link.bridgePort === undefined
    ? [alias]
    : [alias, setLink({ name: link.name }, { bridgePort: link.bridgePort })]
}

/**
 * Sets on a living link what differs from `before`, or all that is given. Two messages if port settings are among
 * it: the kernel takes them only for a port. `up` is left to the caller.
 */
export function linkChanges(link: LinkEntry, before: LinkEntry | undefined, links: LinkTable): Request[] {
  const changes: { -readonly [K in keyof LinkChanges]: LinkChanges[K] } = {}
  if (link.mtu !== undefined && link.mtu !== before?.mtu) changes.mtu = link.mtu
  if (link.mac !== undefined && link.mac !== before?.mac) changes.mac = link.mac
  if (link.master !== undefined && link.master !== before?.master) {
    changes.masterIndex = links.indexOf(link.master) ?? 0
  }
  if (link.claim === 'own' && (before?.claim !== 'own' || link.owner !== before.owner)) {
    changes.alias = linkAlias(link.owner)
  }
  if (link.type === 'bridge' && link.vlanFiltering !== undefined) {
    const known = before?.type === 'bridge' ? before.vlanFiltering : undefined
    if (known !== link.vlanFiltering) changes.info = { kind: 'bridge', vlanFiltering: link.vlanFiltering }
  }
  const target = { name: link.name }
  const requests = Object.keys(changes).length === 0 ? [] : [setLink(target, changes)]
  if (link.bridgePort !== undefined) requests.push(setLink(target, { bridgePort: link.bridgePort }))
  return requests
}

/** Links whose indexes the requests for this one need. */
export function linksNeeded(link: LinkEntry): string[] {
  const needed = 'device' in link ? [link.device] : []
  if (link.master !== undefined) needed.push(link.master)
  return needed
}
