import { errnoName } from '../../../base/index.ts'
import {
  addRedirect,
  deleteFilters,
  type Filter,
  type Request,
  replaceIngress,
  TC_H_INGRESS_FILTERS,
} from '../../../netlink/index.ts'
import type { ObservedEntry, Operation } from '../../operation.ts'
import { REDIRECT_PRIORITY } from '../../ownership.ts'
import type { LinkTable } from '../link-table.ts'

/** True for what stands, or stood, where a redirect of ours does. */
export function isRedirectPlace({ parent, priority }: Filter): boolean {
  return parent === TC_H_INGRESS_FILTERS && priority === REDIRECT_PRIORITY
}

/** Undefined for filters of others, and for a redirect to a link that is gone. */
export function observedRedirect(filter: Filter, links: LinkTable): ObservedEntry | undefined {
  const link = links.nameOf(filter.linkIndex)
  const to = links.nameOf(filter.redirectIndex)
  if (link === undefined || to === undefined || !isRedirectPlace(filter)) return undefined
  return { entry: { kind: 'redirect', link, to }, mark: 'ours' }
}

export function redirectRequests({ op }: Operation, linkIndex: number, redirectIndex: number): Request[] {
  const removal = deleteFilters(linkIndex, REDIRECT_PRIORITY)
  if (op === 'delete') return [removal]
  return [
    // A `clsact` qdisc, which is perhaps there, is as good.
    { ...replaceIngress(linkIndex), forgives: errno => errnoName(errno) === 'EINVAL' },
    // Also when it is made: one that leads nowhere may be there, and is not observed. Mostly there is none.
    { ...removal, forgives: () => true },
    addRedirect({ linkIndex, priority: REDIRECT_PRIORITY, redirectIndex }),
  ]
}
