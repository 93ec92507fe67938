import type { Entry, IptablesTable, NftFamily } from '../entry.ts'

/**
 * What another program does to a namespace, as plain data: the same act can be carried out in a fake namespace
 * (`performForeign`) and in a real one. Whatever it makes bears no mark of ours.
 */
export type ForeignAct =
  /** `ip ... add`, or `replace` where `over` says so. A link comes down, as `ip link add` makes it. */
  | { readonly act: 'add'; readonly entry: Entry; readonly over?: boolean }
  /** `ip ... delete`, of whomever's object. */
  | { readonly act: 'remove'; readonly entry: Entry }
  /** `ip link set`. */
  | { readonly act: 'set-link'; readonly name: string; readonly changes: ForeignLinkChanges }
  /** `ip link set ... name`. */
  | { readonly act: 'rename'; readonly name: string; readonly to: string }
  /** Deletes a bridge, vxlan or macvlan and makes one of the same definition, name and ifindex, without our mark. */
  | { readonly act: 'recreate'; readonly name: string }
  /** `ip route flush table all proto 113`, or `dev`; both families. */
  | { readonly act: 'flush-routes'; readonly link?: string }
  /** `ip address flush dev`. */
  | { readonly act: 'flush-addresses'; readonly link: string }
  /** `ip neighbour flush dev ... nud permanent`. */
  | { readonly act: 'flush-neighbours'; readonly link: string }
  /** Adds a rule to the first chain: `nft add rule ... accept`. */
  | { readonly act: 'edit-table'; readonly family: NftFamily; readonly table: string }
  /** `iptables -t TABLE -F`. */
  | { readonly act: 'flush-iptables'; readonly family: 4 | 6; readonly table: IptablesTable }
  /** `sysctl -w net.<path>`. */
  | { readonly act: 'write-sysctl'; readonly path: string; readonly value: string }

export interface ForeignLinkChanges {
  readonly up?: boolean
  readonly mtu?: number
  readonly mac?: string
  /** Empty: none (`nomaster`). */
  readonly master?: string
}
