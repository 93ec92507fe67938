import type { BridgePort } from './bridge-port.ts'
import { ByteWriter } from './byte-writer.ts'
import { invalidValue } from './errors.ts'
import {
  encodeLink,
  encodeLinkTarget,
  type LinkChanges,
  type LinkSpec,
  type LinkTarget,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
} from './link.ts'
import { linkAttributes, linkHeader } from './link-attributes.ts'
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_ECHO, NLM_F_EXCL, type Request } from './messages.ts'

/** RTEXT_FILTER_SKIP_STATS (linux/rtnetlink.h): no counters, which halves a dump. */
const RTEXT_FILTER_SKIP_STATS = 8

/**
 * `ip link add`. Refused with EEXIST if the name is taken. A veth pair is made in a third of a millisecond, which is less
 * than what changing threads costs an ADD; but for any kind the kernel may have to load a module first.
 *
 * @param echo the reply is to show the link as it was made; not before Linux 6.2
 * @param ready the kernel has what such links take
 */
export function addLink(link: LinkSpec, { echo = false, ready = false } = {}): Request {
  return {
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL | (echo ? NLM_F_ECHO : 0),
    body: encodeLink(link),
    slow: !ready,
    what: `add link ${link.name} type ${link.info.kind}`,
  }
}

/**
 * `ip link set`: several changes in one message; the kernel does not undo the first ones if a later one fails.
 * @throws NetlinkError `netlink.invalid-value` for a new name of a link that is given by name
 */
export function setLink(target: LinkTarget, changes: LinkChanges): Request {
  if ('name' in target && changes.name !== undefined) {
    throw invalidValue(describe(target), 'only a link that is given by index can be renamed')
  }
  const moves = changes.netnsFd !== undefined || changes.netnsPid !== undefined
  return {
    type: RTM_NEWLINK,
    flags: 0,
    body: encodeLink({ ...changes, ...target }),
    ...(moves ? { slow: true } : {}),
    what: `set ${describe(target)} ${Object.keys(changes).join(', ')}`,
  }
}

/** `bridge link set dev ...`, for a link that is a port of a bridge already. */
export function setBridgePort(target: LinkTarget, bridgePort: BridgePort): Request {
  return { ...setLink(target, { bridgePort }), what: `set bridge port ${describe(target)}` }
}

/** `ip link delete`; both ends of a veth go. */
export function deleteLink(target: LinkTarget): Request {
  return {
    type: RTM_DELLINK,
    flags: 0,
    body: encodeLinkTarget(target),
    slow: true,
    what: `delete ${describe(target)}`,
  }
}

/**
 * `ip link delete group ...`: all links of the group in one step of the kernel, which waits for the readers of all of
 * them at once instead of some fifteen milliseconds for each.
 */
export function deleteLinkGroup(group: number): Request {
  const writer = new ByteWriter()
  linkHeader.write(writer, {})
  linkAttributes.write(writer, { group })
  return {
    type: RTM_DELLINK,
    flags: 0,
    body: writer.finish(),
    slow: true,
    what: `delete link group ${group}`,
  }
}

/** `ip link show dev ...`: one message, or ENODEV. */
export function getLink(target: LinkTarget): Request {
  return { type: RTM_GETLINK, flags: 0, body: encodeLinkTarget(target), what: `get ${describe(target)}` }
}

export interface LinkFilter {
  /** Only the ports of this master. */
  readonly masterIndex?: number
}

/** `ip link show`, for `NetlinkClient.dump`. */
export function listLinks(filter: LinkFilter = {}): Request {
  const writer = new ByteWriter()
  linkHeader.write(writer, {})
  linkAttributes.write(writer, { ...filter, extMask: RTEXT_FILTER_SKIP_STATS })
  return { type: RTM_GETLINK, flags: NLM_F_DUMP, body: writer.finish(), what: 'list links' }
}

function describe(target: LinkTarget): string {
  return 'index' in target ? `link ${target.index}` : `link ${target.name}`
}
