import type { AttributeCodec } from '../attributes.ts'
import { attributeTable } from '../attributes.ts'
import { linkAttributes, linkHeader } from '../link-attributes.ts'
import { linkKind } from './kind.ts'

/**
 * A virtual Ethernet pair: VETH_INFO_PEER (linux/veth.h), which holds a whole link message for the other end;
 * `ip link add type veth peer name eth0 netns ...`. The kernel does not report it: of an existing pair
 * `Link.parentIndex` is the peer's index, in the namespace `Link.linkNetnsId`.
 *
 * The peer cannot be made up at once: the kernel configures it before the ends know each other (ENOTCONN).
 */
export interface VethPeer {
  readonly name?: string
  readonly mac?: string
  /** Bytes. */
  readonly mtu?: number
  /** Queues that it may ever use. */
  readonly txQueues?: number
  readonly rxQueues?: number
  /** Index it shall have in its namespace. */
  readonly index?: number
  /** A descriptor, in this process, of the namespace to make it in. */
  readonly netnsFd?: number
}

const peer: AttributeCodec<VethPeer> = {
  nested: true,
  write(writer, { index = 0, ...attributes }) {
    linkHeader.write(writer, { index })
    linkAttributes.write(writer, attributes)
  },
  read(payload) {
    const { index } = linkHeader.read(payload)
    const { name, mac, mtu, txQueues, rxQueues, netnsFd } = linkAttributes.read(payload)
    return {
      ...(name === undefined ? {} : { name }),
      ...(mac === undefined ? {} : { mac }),
      ...(mtu === undefined ? {} : { mtu }),
      ...(txQueues === undefined ? {} : { txQueues }),
      ...(rxQueues === undefined ? {} : { rxQueues }),
      ...(index === 0 ? {} : { index }),
      ...(netnsFd === undefined ? {} : { netnsFd }),
    }
  },
}

export const vethFields = { peer: [1, 'VETH_INFO_PEER', peer] } as const

export const veth = linkKind('veth', attributeTable(vethFields))
