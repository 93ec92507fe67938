import { attributeTable } from './attributes.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { AF_INET6 } from './families.ts'
import { nameTable } from './names.ts'

/** What an address family keeps of a link: an attribute for each family in IFLA_AF_SPEC (linux/if_link.h). */

/** How the kernel makes the link's own link-local address (`enum in6_addr_gen_mode`); `none`: it makes none. */
export type AddrGenMode = 'eui64' | 'none' | 'stable_secret' | 'random' | number

const addrGenModes = nameTable({ eui64: 0, none: 1, stable_secret: 2, random: 3 })

export const inet6LinkFields = {
  addrGenMode: [
    8,
    'IFLA_INET6_ADDR_GEN_MODE',
    {
      write: (writer: ByteWriter, mode: AddrGenMode) => void writer.u8(addrGenModes.toNumber(mode)),
      read: (payload: ByteReader): AddrGenMode => addrGenModes.toName(payload.u8()),
    },
  ],
} as const

export const linkFamilies = attributeTable({
  inet6: [AF_INET6, 'AF_INET6', attributeTable(inet6LinkFields)],
} as const)
