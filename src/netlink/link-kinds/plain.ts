import { attributeTable } from '../attributes.ts'
import { linkKind } from './kind.ts'

/** Kinds without attributes of their own: `ip link add type dummy`; what a `wireguard` has, its own family sets. */

export const dummy = linkKind('dummy', attributeTable({}))
export const ifb = linkKind('ifb', attributeTable({}))
export const wireguard = linkKind('wireguard', attributeTable({}))
