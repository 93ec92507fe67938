import { settle } from '../../base/index.ts'
import {
  decodeClass,
  decodeFilter,
  decodeQdisc,
  listClasses,
  listFilters,
  listQdiscs,
  type Message,
  type Qdisc,
  type Request,
  TC_H_INGRESS,
  TC_H_ROOT,
} from '../../netlink/index.ts'
import type { ObservedEntry } from '../operation.ts'
import { QDISC_HANDLE } from '../ownership.ts'
import { observedQdisc } from './codecs/qdisc.ts'
import { observedRedirect } from './codecs/redirect.ts'
import { isOfSelective, isSelective, selectiveQdisc } from './codecs/selective-qdisc.ts'
import type { LinkTable } from './link-table.ts'

export type Dump = (request: Request) => Promise<readonly Message[]>

/** Reads qdiscs in one dump, and what filters of a link do in one or two for each link that has such qdiscs. */
export async function observeTraffic(dump: Dump, links: LinkTable): Promise<(ObservedEntry | undefined)[]> {
  const qdiscs = (await dump(listQdiscs())).map(decodeQdisc)
  const observed: (ObservedEntry | undefined)[] = []
  for (const qdisc of qdiscs) {
    const { linkIndex, parent } = qdisc
    if (parent !== TC_H_INGRESS && !isSelective(qdisc)) {
      observed.push(observedQdisc(qdisc, links))
      continue
    }
    await settle()
    observed.push(
      parent === TC_H_INGRESS
        ? await readRedirect(dump, links, linkIndex)
        : await observedSelective(dump, links, qdisc, qdiscs),
    )
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

/** The qdisc of a link, with what stands on it. */
export async function readQdisc(
  dump: Dump,
  links: LinkTable,
  linkIndex: number,
): Promise<ObservedEntry | undefined> {
  const qdiscs = (await dump(listQdiscs())).map(decodeQdisc)
  const root = qdiscs.find(qdisc => qdisc.linkIndex === linkIndex && qdisc.parent === TC_H_ROOT)
  if (root === undefined) return undefined
  return isSelective(root) ? observedSelective(dump, links, root, qdiscs) : observedQdisc(root, links)
}

async function observedSelective(
  dump: Dump,
  links: LinkTable,
  root: Qdisc,
  qdiscs: readonly Qdisc[],
): Promise<ObservedEntry | undefined> {
  const { linkIndex } = root
  const link = links.nameOf(linkIndex)
  if (link === undefined) return undefined
  const leaf = qdiscs.find(qdisc => qdisc.linkIndex === linkIndex && isOfSelective(qdisc))
  const classes = (await dump(listClasses(linkIndex))).flatMap(message => decodeClass(message) ?? [])
  const filters = (await dump(listFilters(linkIndex, QDISC_HANDLE))).map(decodeFilter)
  const qdisc = selectiveQdisc({ root, leaf, classes, filters }) ?? { type: 'other', name: root.kind }
  return { entry: { kind: 'qdisc', link, qdisc }, mark: 'ours' }
}
