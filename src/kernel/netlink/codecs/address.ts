import { familyOf } from '../../../ip/index.ts'
import {
  type Address,
  type AddressSpec,
  addAddress,
  deleteAddress,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_PERMANENT,
  type Request,
} from '../../../netlink/index.ts'
import type { AddressEntry } from '../../entry.ts'
import type { ObservedEntry, Operation } from '../../operation.ts'
import { ROUTE_PROTOCOL } from '../../ownership.ts'
import type { LinkTable } from '../link-table.ts'

/** Undefined for addresses that expire (SLAAC), and for those of a link that is not known. */
export function observedAddress(address: Address, links: LinkTable): ObservedEntry | undefined {
  const link = links.nameOf(address.linkIndex)
  if (link === undefined || (address.flags & IFA_F_PERMANENT) === 0) return undefined
  const scope = address.scope === 'universe' ? 'global' : address.scope
  const entry: AddressEntry = {
    kind: 'address',
    link,
    address: address.address,
    ...(scope === 'global' || scope === 'link' || scope === 'host' ? { scope } : {}),
    noPrefixRoute: (address.flags & IFA_F_NOPREFIXROUTE) !== 0,
  }
  return { entry, mark: address.protocol === ROUTE_PROTOCOL ? 'ours' : 'foreign' }
}

export function addressRequests({ op }: Operation, address: AddressEntry, linkIndex: number): Request[] {
  if (op === 'delete') return [deleteAddress({ linkIndex, address: address.address })]
  return [addAddress(addressSpec(address, linkIndex))]
}

/** No duplicate address detection: an address is ours to give, and the wait would be a pod's first second. */
function addressSpec({ address, scope, noPrefixRoute }: AddressEntry, linkIndex: number): AddressSpec {
  const flags =
    (familyOf(address) === 6 ? IFA_F_NODAD : 0) | (noPrefixRoute === true ? IFA_F_NOPREFIXROUTE : 0)
  return {
    linkIndex,
    address,
    flags,
    protocol: ROUTE_PROTOCOL,
    ...(scope === undefined ? {} : { scope: scope === 'global' ? 'universe' : scope }),
  }
}
