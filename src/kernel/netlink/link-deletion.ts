import {
  deleteLink,
  deleteLinkGroup,
  type NetlinkClient,
  type Request,
  setLink,
} from '../../netlink/index.ts'
import type { Operation } from '../operation.ts'
import type { LinkTable } from './link-table.ts'
import { type Failure, refusalOf } from './refusals.ts'

/** By index where it is known: somebody may have renamed the link, and another may bear the name. */
export function deletion({ entry }: Operation, links: LinkTable): Request {
  const name = entry.kind === 'link' ? entry.name : ''
  const index = links.indexOf(name)
  return deleteLink(index === undefined ? { name } : { index })
}

export interface GroupDeletion {
  /** Those that are to be deleted one by one, and told what is the matter with them: mostly that they are gone. */
  readonly alone: readonly Operation[]
  readonly failed: readonly (readonly [Operation, Failure | undefined])[]
}

/**
 * Gathers links in a group that no other link is in, and deletes the group: the kernel waits once for all of them
 * instead of some fifteen milliseconds for each. One link is not worth it.
 */
export async function deleteTogether(
  client: NetlinkClient,
  links: LinkTable,
  operations: readonly Operation[],
): Promise<GroupDeletion> {
  const known = operations.flatMap(operation => {
    const index = operation.entry.kind === 'link' ? links.indexOf(operation.entry.name) : undefined
    return index === undefined ? [] : [{ operation, index }]
  })
  if (known.length < 2) return { alone: operations, failed: [] }
  const group = links.unusedGroup()
  const replies = await client.send(known.map(({ index }) => setLink({ index }, { group })))
  const gathered = new Set(known.filter((_, n) => replies[n]?.ok === true).map(({ operation }) => operation))
  const alone = operations.filter(operation => !gathered.has(operation))
  if (gathered.size === 0) return { alone, failed: [] }
  const [reply] = await client.send([deleteLinkGroup(group)])
  if (reply?.ok !== false) return { alone, failed: [] }
  return { alone, failed: [...gathered].map(operation => [operation, refusalOf(operation, reply.error)]) }
}
