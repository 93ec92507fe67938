import { be32, be64, text, u8 } from '../attribute-codecs.ts'
import { type AttributeCodec, attributeTable, type Fields, type ValuesOf } from '../attributes.ts'
import type { ByteReader } from '../byte-reader.ts'
import { nameTable } from '../names.ts'
import { data, valueData } from './data.ts'

/**
 * Expressions, the instructions of a rule: NFTA_META_* and so on (linux/netfilter/nf_tables.h);
 * `nft --debug=netlink` prints them. One table a kind. Registers are NFT_REG_* numbers: 0 is the verdict,
 * 1 to 4 hold 16 bytes each, 8 to 23 are their quarters.
 */

function named<Name extends string>(numbers: Readonly<Record<Name, number>>): AttributeCodec<Name | number> {
  const names = nameTable(numbers)
  return {
    write: (writer, value) => void writer.be32(names.toNumber(value)),
    read: payload => names.toName(payload.be32()),
  }
}

const metaKey = named({
  len: 0,
  protocol: 1,
  priority: 2,
  mark: 3,
  iif: 4,
  oif: 5,
  iifname: 6,
  oifname: 7,
  iiftype: 8,
  oiftype: 9,
  nftrace: 12,
  nfproto: 15,
  l4proto: 16,
  pkttype: 19,
})
const payloadBase = named({ link: 0, network: 1, transport: 2 })
const comparison = named({ eq: 0, neq: 1, lt: 2, lte: 3, gt: 4, gte: 5 })
const ctKey = named({ state: 0, direction: 1, status: 2, mark: 3 })
const exthdrOp = named({ ipv6: 0, tcpopt: 1, ipv4: 2 })
const fibResult = named({ oif: 1, oifname: 2, addrtype: 3 })
const natType = named({ snat: 0, dnat: 1 })

/** NFT_LOOKUP_F_INV. */
export const NFT_LOOKUP_F_INV = 1
/** NFT_EXTHDR_F_PRESENT: loads whether it is there, as a byte. */
export const NFT_EXTHDR_F_PRESENT = 1
/** NFTA_FIB_F_DADDR. */
export const NFTA_FIB_F_DADDR = 2
/** NF_NAT_RANGE_* (linux/netfilter/nf_nat.h): `random`, `persistent`, `fully-random`. */
export const NF_NAT_RANGE_PROTO_RANDOM = 4
export const NF_NAT_RANGE_PERSISTENT = 8
export const NF_NAT_RANGE_PROTO_RANDOM_FULLY = 16

/** Name in NFTA_EXPR_NAME, and the attributes of NFTA_EXPR_DATA. */
export const expressionFields = {
  /** Loads a property of the packet, or sets it from `source`. */
  meta: {
    key: [2, 'NFTA_META_KEY', metaKey],
    destination: [1, 'NFTA_META_DREG', be32],
    source: [3, 'NFTA_META_SREG', be32],
  },
  /** Loads bytes of a header; `offset` and `length` in bytes. */
  payload: {
    destination: [1, 'NFTA_PAYLOAD_DREG', be32],
    base: [2, 'NFTA_PAYLOAD_BASE', payloadBase],
    offset: [3, 'NFTA_PAYLOAD_OFFSET', be32],
    length: [4, 'NFTA_PAYLOAD_LEN', be32],
  },
  /** destination = (source & mask) ^ xor, as long as `op` is 0 or left out. */
  bitwise: {
    source: [1, 'NFTA_BITWISE_SREG', be32],
    destination: [2, 'NFTA_BITWISE_DREG', be32],
    length: [3, 'NFTA_BITWISE_LEN', be32],
    op: [6, 'NFTA_BITWISE_OP', be32],
    mask: [4, 'NFTA_BITWISE_MASK', valueData],
    xor: [5, 'NFTA_BITWISE_XOR', valueData],
  },
  /** Goes on with the rule if `source` compares so with `value`, byte by byte. */
  cmp: {
    source: [1, 'NFTA_CMP_SREG', be32],
    op: [2, 'NFTA_CMP_OP', comparison],
    value: [3, 'NFTA_CMP_DATA', valueData],
  },
  /** Goes on if `source` is in the set (or not in it: NFT_LOOKUP_F_INV); a map's value goes to `destination`. */
  lookup: {
    set: [1, 'NFTA_LOOKUP_SET', text],
    source: [2, 'NFTA_LOOKUP_SREG', be32],
    destination: [3, 'NFTA_LOOKUP_DREG', be32],
    setId: [4, 'NFTA_LOOKUP_SET_ID', be32],
    flags: [5, 'NFTA_LOOKUP_FLAGS', be32],
  },
  /** Puts data into a register; into register 0, a verdict. */
  immediate: {
    destination: [1, 'NFTA_IMMEDIATE_DREG', be32],
    data: [2, 'NFTA_IMMEDIATE_DATA', data],
  },
  masq: {
    flags: [1, 'NFTA_MASQ_FLAGS', be32],
    portMin: [2, 'NFTA_MASQ_REG_PROTO_MIN', be32],
    portMax: [3, 'NFTA_MASQ_REG_PROTO_MAX', be32],
  },
  nat: {
    type: [1, 'NFTA_NAT_TYPE', natType],
    family: [2, 'NFTA_NAT_FAMILY', be32],
    addressMin: [3, 'NFTA_NAT_REG_ADDR_MIN', be32],
    addressMax: [4, 'NFTA_NAT_REG_ADDR_MAX', be32],
    portMin: [5, 'NFTA_NAT_REG_PROTO_MIN', be32],
    portMax: [6, 'NFTA_NAT_REG_PROTO_MAX', be32],
    flags: [7, 'NFTA_NAT_FLAGS', be32],
  },
  ct: {
    destination: [1, 'NFTA_CT_DREG', be32],
    key: [2, 'NFTA_CT_KEY', ctKey],
    source: [4, 'NFTA_CT_SREG', be32],
  },
  /** Loads an extension header or an option: `type` is its number. */
  exthdr: {
    destination: [1, 'NFTA_EXTHDR_DREG', be32],
    type: [2, 'NFTA_EXTHDR_TYPE', u8],
    offset: [3, 'NFTA_EXTHDR_OFFSET', be32],
    length: [4, 'NFTA_EXTHDR_LEN', be32],
    flags: [5, 'NFTA_EXTHDR_FLAGS', be32],
    op: [6, 'NFTA_EXTHDR_OP', exthdrOp],
  },
  /** Asks the routing table: `addrtype` is an RTN_* in the byte order of the host. */
  fib: {
    destination: [1, 'NFTA_FIB_DREG', be32],
    result: [2, 'NFTA_FIB_RESULT', fibResult],
    flags: [3, 'NFTA_FIB_FLAGS', be32],
  },
  counter: {
    bytes: [1, 'NFTA_COUNTER_BYTES', be64],
    packets: [2, 'NFTA_COUNTER_PACKETS', be64],
  },
} as const satisfies Readonly<Record<string, Fields>>

type ExpressionFields = typeof expressionFields

export type KnownExpression = {
  [Name in keyof ExpressionFields]: { readonly expr: Name } & ValuesOf<ExpressionFields[Name]>
}[keyof ExpressionFields]

/** An expression that this room has no table for; its data is kept as it came. */
export interface OtherExpression {
  readonly expr: 'other'
  readonly name: string
  readonly bytes: Uint8Array
}

export type Expression = KnownExpression | OtherExpression

const tables: ReadonlyMap<string, AttributeCodec<object>> = new Map(
  Object.entries(expressionFields).map(([name, fields]) => [name, attributeTable(fields as Fields)]),
)

const NFTA_EXPR_NAME = 1
const NFTA_EXPR_DATA = 2

/** One NFTA_LIST_ELEM of NFTA_RULE_EXPRESSIONS. */
export const expression: AttributeCodec<Expression> = {
  nested: true,
  write(writer, value) {
    const name = value.expr === 'other' ? value.name : value.expr
    writer.attribute(NFTA_EXPR_NAME, false, () => text.write(writer, name))
    writer.attribute(NFTA_EXPR_DATA, true, () => {
      if (value.expr === 'other') writer.bytes(value.bytes)
      else tables.get(name)?.write(writer, value)
    })
  },
  read(payload) {
    let name = ''
    let content: ByteReader | undefined
    for (let type = payload.nextAttribute(); type !== undefined; type = payload.nextAttribute()) {
      if (type === NFTA_EXPR_NAME) name = text.read(payload.payload())
      if (type === NFTA_EXPR_DATA) content = payload.payload()
    }
    const table = tables.get(name)
    if (table === undefined) return { expr: 'other', name, bytes: content?.bytes() ?? new Uint8Array() }
    const known = content === undefined ? {} : table.read(content)
    // The table was found under this name.
    return { expr: name, ...known } as KnownExpression
  },
}
