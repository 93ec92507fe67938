import { binary, text } from '../attribute-codecs.ts'
import { type AttributeCodec, attributeTable } from '../attributes.ts'
import { malformed } from '../errors.ts'

/** Values and verdicts: NFTA_DATA_*, NFTA_VERDICT_* (linux/netfilter/nf_tables.h). */

export type Verdict =
  | { readonly do: 'accept' | 'drop' | 'return' | 'continue' | 'break' }
  | { readonly do: 'jump' | 'goto'; readonly chain: string }

/** What an immediate or an element holds; bytes as they stand in a register. */
export type Data = { readonly value: Uint8Array } | { readonly verdict: Verdict }

const verdictCodes: Readonly<Record<Verdict['do'], number>> = {
  drop: 0,
  accept: 1,
  continue: -1,
  break: -2,
  jump: -3,
  goto: -4,
  return: -5,
}

const verdictAttributes = attributeTable({
  code: [
    1,
    'NFTA_VERDICT_CODE',
    {
      write: (writer, value: number) => void writer.be32(value >>> 0),
      read: payload => payload.be32() | 0,
    } satisfies AttributeCodec<number>,
  ],
  chain: [2, 'NFTA_VERDICT_CHAIN', text],
})

const verdict: AttributeCodec<Verdict> = {
  nested: true,
  write(writer, value) {
    const chain = 'chain' in value ? value.chain : undefined
    verdictAttributes.write(writer, { code: verdictCodes[value.do], chain })
  },
  read(payload) {
    const { code, chain } = verdictAttributes.read(payload)
    switch (code) {
      case 0:
        return { do: 'drop' }
      case 1:
        return { do: 'accept' }
      case -1:
        return { do: 'continue' }
      case -2:
        return { do: 'break' }
      case -3:
      case -4:
        if (chain === undefined) throw malformed('a verdict', 'a jump without a chain')
        return { do: code === -3 ? 'jump' : 'goto', chain }
      case -5:
        return { do: 'return' }
      default:
        throw malformed('a verdict', `code ${code}`)
    }
  },
}

export const dataFields = {
  value: [1, 'NFTA_DATA_VALUE', binary],
  verdict: [2, 'NFTA_DATA_VERDICT', verdict],
} as const

const attributes = attributeTable(dataFields)

export const data: AttributeCodec<Data> = {
  nested: true,
  write: (writer, value) => attributes.write(writer, value),
  read(payload) {
    const found = attributes.read(payload)
    if (found.value !== undefined) return { value: found.value }
    if (found.verdict !== undefined) return { verdict: found.verdict }
    throw malformed('nftables data', 'neither value nor verdict')
  },
}

/** Data that can only be a value: keys, masks, operands. */
export const valueData: AttributeCodec<Uint8Array> = {
  nested: true,
  write: (writer, value) => attributes.write(writer, { value }),
  read(payload) {
    const { value } = attributes.read(payload)
    if (value === undefined) throw malformed('nftables data', 'it has no NFTA_DATA_VALUE')
    return value
  },
}
