import { attributeTable } from '../attributes.ts'
import { linkKind } from './kind.ts'

/** Kinds without attributes of their own: `ip link add type dummy`, `ip link add type ifb`. */

export const dummy = linkKind('dummy', attributeTable({}))
export const ifb = linkKind('ifb', attributeTable({}))
