import {
  deleteFilters,
  type Filter,
  type Request,
  replaceIngress,
  replaceRedirect,
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
  if (op === 'delete') return [deleteFilters(linkIndex, REDIRECT_PRIORITY)]
  // In place also when it is made: one that leads nowhere is not observed.
  const redirect = replaceRedirect({ linkIndex, priority: REDIRECT_PRIORITY, redirectIndex })
  return [replaceIngress(linkIndex), redirect]
}
