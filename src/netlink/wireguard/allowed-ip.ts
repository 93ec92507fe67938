import { firstAddress, parsePrefix } from '../../ip/index.ts'
import { binaryAddress, u8, u16 } from '../attribute-codecs.ts'
import { type AttributeCodec, attributeTable } from '../attributes.ts'
import { malformed } from '../errors.ts'
import { addressFamilyNumber, familyOf, prefixText } from '../families.ts'

export const allowedIpFields = {
  family: [1, 'WGALLOWEDIP_A_FAMILY', u16],
  address: [2, 'WGALLOWEDIP_A_IPADDR', binaryAddress],
  length: [3, 'WGALLOWEDIP_A_CIDR_MASK', u8],
} as const

const attributes = attributeTable(allowedIpFields)

/** A prefix that a peer may send from and is sent to, as canonical text: `10.244.1.0/24`. */
export const allowedIp: AttributeCodec<string> = {
  nested: true,
  write(writer, text) {
    const prefix = parsePrefix(text)
    const family = addressFamilyNumber(prefix.family)
    attributes.write(writer, { family, address: firstAddress(prefix), length: prefix.length })
  },
  read(payload) {
    const what = 'an allowed prefix'
    const { family, address, length } = attributes.read(payload)
    if (family === undefined || address === undefined || length === undefined) {
      throw malformed(what, 'it lacks its family, address or length')
    }
    return prefixText(familyOf(family, what), length, address, what)
  },
}
