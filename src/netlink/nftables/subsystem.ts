import { ByteReader } from '../byte-reader.ts'
import { ByteWriter } from '../byte-writer.ts'
import { malformed } from '../errors.ts'
import type { Message } from '../messages.ts'

/** What all nftables messages share: `struct nfgenmsg` (linux/netfilter/nfnetlink.h), types, families. */

export const NFNL_SUBSYS_NFTABLES = 10

/** nfnetlink message types: the subsystem in the high byte, NFT_MSG_* in the low one. */
const nftMessage = (type: number): number => (NFNL_SUBSYS_NFTABLES << 8) | type

export const NFT_MSG_NEWTABLE = nftMessage(0)
export const NFT_MSG_GETTABLE = nftMessage(1)
export const NFT_MSG_DELTABLE = nftMessage(2)
export const NFT_MSG_NEWCHAIN = nftMessage(3)
export const NFT_MSG_GETCHAIN = nftMessage(4)
export const NFT_MSG_DELCHAIN = nftMessage(5)
export const NFT_MSG_NEWRULE = nftMessage(6)
export const NFT_MSG_GETRULE = nftMessage(7)
export const NFT_MSG_DELRULE = nftMessage(8)
export const NFT_MSG_NEWSET = nftMessage(9)
export const NFT_MSG_GETSET = nftMessage(10)
export const NFT_MSG_DELSET = nftMessage(11)
export const NFT_MSG_NEWSETELEM = nftMessage(12)
export const NFT_MSG_GETSETELEM = nftMessage(13)
export const NFT_MSG_DELSETELEM = nftMessage(14)
export const NFT_MSG_NEWGEN = nftMessage(15)
export const NFT_MSG_GETGEN = nftMessage(16)

export type Family = 'ip' | 'ip6' | 'inet' | 'arp' | 'netdev' | 'bridge'

const familyNumbers: Readonly<Record<Family, number>> = {
  inet: 1,
  ip: 2,
  arp: 3,
  netdev: 5,
  bridge: 7,
  ip6: 10,
}
const familyNames: ReadonlyMap<number, Family> = new Map(
  (Object.keys(familyNumbers) as Family[]).map(name => [familyNumbers[name], name]),
)

/** NFPROTO_*; 0, all families, for undefined. */
export function nftFamilyNumber(family: Family | undefined): number {
  return family === undefined ? 0 : familyNumbers[family]
}

/** A writer that stands behind nfgenmsg. */
export function startNft(family: Family | undefined): ByteWriter {
  return new ByteWriter().u8(nftFamilyNumber(family)).u8(0).be16(0)
}

/** Checks the type, reads nfgenmsg and leaves the reader at the attributes. @throws `netlink.malformed` */
export function openNft(
  message: Message,
  type: number,
  what: string,
): { family: Family; reader: ByteReader } {
  const wanted = message.type === type || message.type === deletionOf(type)
  if (!wanted) throw malformed(what, `message type ${message.type}`)
  const reader = ByteReader.over(message.body)
  const number = reader.u8()
  const family = familyNames.get(number)
  if (family === undefined) throw malformed(what, `nftables family ${number}`)
  return { family, reader: reader.skip(3) }
}

/** NFT_MSG_DEL* stands two behind NFT_MSG_NEW*. */
const deletionOf = (type: number): number => type + 2

/** The attribute that had to be there. @throws `netlink.malformed` */
export function required<T>(value: T | undefined, what: string, attribute: string): T {
  if (value === undefined) throw malformed(what, `it has no ${attribute}`)
  return value
}
