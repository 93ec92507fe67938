import { type Family, familyOf as familyOfText, parsePrefix } from '../../ip/index.ts'
import { ipAddress, u8, u16 } from '../attribute-codecs.ts'
import { type AttributeCodec, attributeTable } from '../attributes.ts'
import { malformed } from '../errors.ts'
import { addressFamilyNumber, familyOf, prefixText } from '../families.ts'

export const allowedIpFields = {
  family: [1, 'WGALLOWEDIP_A_FAMILY', u16],
  address: [2, 'WGALLOWEDIP_A_IPADDR', ipAddress],
  length: [3, 'WGALLOWEDIP_A_CIDR_MASK', u8],
} as const

const attributes = attributeTable(allowedIpFields)

/** A prefix that a peer may send from and is sent to, as canonical text: `10.244.1.0/24`. */
export const allowedIp: AttributeCodec<string> = {
  nested: true,
  write(writer, prefix) {
    const family: Family = familyOfText(prefix)
    const address = prefix.slice(0, prefix.indexOf('/'))
    const { length } = parsePrefix(prefix)
    attributes.write(writer, { family: addressFamilyNumber(family), address, length })
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
