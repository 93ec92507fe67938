import { familyOf } from '../../../ip/index.ts'
import {
  addClass,
  addClassFilter,
  addClassQdisc,
  type Filter,
  type Qdisc,
  type Request,
  replaceQdisc,
  type TrafficClass,
} from '../../../netlink/index.ts'
import type { SelectiveQdisc } from '../../entry.ts'
import { QDISC_HANDLE, REDIRECT_PRIORITY } from '../../ownership.ts'

/** Its one class: what is in it is held back. */
const SHAPED = QDISC_HANDLE + 1

/** `htb` takes the handle of the qdisc itself for: at once. */
const AT_ONCE = QDISC_HANDLE

/** True for what is, or was, part of one of ours: its leaf, its filters. */
export function isOfSelective({ parent }: Pick<Qdisc, 'parent'>): boolean {
  return parent === QDISC_HANDLE || parent === SHAPED
}

/** True for the one that the others hang on. */
export function isSelective({ handle, kind }: Qdisc): boolean {
  return handle === QDISC_HANDLE && kind === 'htb'
}

export function isShapedClass({ handle }: Pick<TrafficClass, 'handle'>): boolean {
  return handle === SHAPED
}

export function selectiveRequests(qdisc: SelectiveQdisc, linkIndex: number): Request[] {
  const { rateBps, burstBytes, limitBytes, by, shaped, prefixes } = qdisc
  const [listed, others] = shaped === 'listed' ? [SHAPED, 0] : [AT_ONCE, 1]
  const rate = Math.floor(rateBps / 8)
  return [
    replaceQdisc({ linkIndex, handle: QDISC_HANDLE, kind: 'htb', defaultClass: others }),
    addClass({ linkIndex, handle: SHAPED, parent: QDISC_HANDLE, rate, burst: burstBytes }),
    addClassQdisc({ linkIndex, parent: SHAPED, kind: 'bfifo', limit: limitBytes }),
    ...prefixes.map(prefix =>
      addClassFilter({
        linkIndex,
        parent: QDISC_HANDLE,
        // The kernel wants one for each protocol.
        priority: familyOf(prefix) === 4 ? REDIRECT_PRIORITY : REDIRECT_PRIORITY + 1,
        match: { prefix, by, classId: listed },
      }),
    ),
  ]
}

/** All that stands on a link that has one. */
export interface SelectiveParts {
  readonly root: Qdisc
  readonly leaf: Qdisc | undefined
  readonly classes: readonly TrafficClass[]
  readonly filters: readonly Filter[]
}

/** Undefined if it is not whole, or not as we make it. */
export function selectiveQdisc({ root, leaf, classes, filters }: SelectiveParts): SelectiveQdisc | undefined {
  const [shaped, ...others] = classes
  const matches = filters.flatMap(({ match }) => match ?? [])
  const [first] = matches
  const listed = root.defaultClass === 0 ? SHAPED : AT_ONCE
  const isOurs = matches.every(({ by, classId }) => by === first?.by && classId === listed)
  if (shaped === undefined || !isShapedClass(shaped) || others.length > 0) return undefined
  if (leaf?.limit === undefined) return undefined
  if (first === undefined || !isOurs) return undefined
  return {
    type: 'htb',
    rateBps: shaped.rate * 8,
    burstBytes: shaped.burst,
    limitBytes: leaf.limit,
    by: first.by,
    shaped: listed === SHAPED ? 'listed' : 'others',
    prefixes: matches.map(({ prefix }) => prefix).toSorted(),
  }
}
