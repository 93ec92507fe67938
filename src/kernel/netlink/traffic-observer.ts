import { settle } from '../../base/index.ts'
import {
  decodeFilter,
  decodeQdisc,
  listFilters,
  listQdiscs,
  type Message,
  type Request,
  TC_H_INGRESS,
} from '../../netlink/index.ts'
import type { ObservedEntry } from '../operation.ts'
import { observedQdisc } from './codecs/qdisc.ts'
import { observedRedirect } from './codecs/redirect.ts'
import type { LinkTable } from './link-table.ts'

export type Dump = (request: Request) => Promise<readonly Message[]>

/** Reads qdiscs in one dump, and redirects in one for each link that has an ingress qdisc. */
export async function observeTraffic(dump: Dump, links: LinkTable): Promise<(ObservedEntry | undefined)[]> {
  const qdiscs = (await dump(listQdiscs())).map(decodeQdisc)
  const observed = qdiscs.map(qdisc => observedQdisc(qdisc, links))
  for (const { linkIndex } of qdiscs.filter(({ parent }) => parent === TC_H_INGRESS)) {
    await settle()
    observed.push(await readRedirect(dump, links, linkIndex))
  }
  return observed
}

/** What a link redirects, if it does. */
export async function readRedirect(
  dump: Dump,
  links: LinkTable,
  linkIndex: number,
): Promise<ObservedEntry | undefined> {
  const filters = (await dump(listFilters(linkIndex))).map(decodeFilter)
  return filters.map(filter => observedRedirect(filter, links)).find(observed => observed !== undefined)
}
