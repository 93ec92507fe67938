import {
  deleteLink,
  deleteLinkGroup,
  type NetlinkClient,
  type NetlinkError,
  type Request,
  setLink,
} from '../../netlink/index.ts'
import type { Operation } from '../operation.ts'
import type { LinkTable } from './link-table.ts'
import { type Failure, refusalOf } from './refusals.ts'

/** One request, and the links that it takes away as far as their indexes are known. */
interface Deletion {
  readonly request: Request
  readonly indexes: readonly number[]
}

/**
 * Deletes links, and is done as soon as they are gone. The kernel takes a link away within a millisecond and says so in
 * an event; its answer comes only when nothing in it remembers the link any more (netdev_run_todo, rcu_barrier), some
 * twenty milliseconds later, and nobody has to wait for that. Where no events are heard it is the answer that tells.
 */
export async function deleteLinks(
  client: NetlinkClient,
  links: LinkTable,
  operations: readonly Operation[],
): Promise<ReadonlyMap<Operation, Failure>> {
  const gathered = await gather(client, links, operations)
  const isRefused = gathered !== undefined && (await untilGone(client, links, gathered)) !== undefined
  const gone = new Set(isRefused ? [] : gathered?.operations)
  const failures = new Map<Operation, Failure>()
  // By itself each is told what is the matter with it: mostly that it is gone.
  for (const operation of operations.filter(each => !gone.has(each))) {
    const error = await untilGone(client, links, single(operation, links))
    const failure = error && refusalOf(operation, error)
    if (failure !== undefined) failures.set(operation, failure)
  }
  return failures
}

/**
 * Puts links in a group that no other link is in, and deletes the group: the kernel waits once for all of them. One
 * link is not worth it.
 */
async function gather(
  client: NetlinkClient,
  links: LinkTable,
  operations: readonly Operation[],
): Promise<(Deletion & { readonly operations: readonly Operation[] }) | undefined> {
  const known = operations.flatMap(operation => {
    const index = links.indexOf(nameOf(operation))
    return index === undefined ? [] : [{ operation, index }]
  })
  if (known.length < 2) return undefined
  const group = links.unusedGroup()
  const replies = await client.send(known.map(({ index }) => setLink({ index }, { group })))
  const gathered = known.filter((_, n) => replies[n]?.ok === true)
  if (gathered.length === 0) return undefined
  return {
    request: deleteLinkGroup(group),
    operations: gathered.map(({ operation }) => operation),
    indexes: gathered.map(({ index }) => index),
  }
}

/** By index where it is known: somebody may have renamed the link, and another may bear the name. */
function single(operation: Operation, links: LinkTable): Deletion {
  const name = nameOf(operation)
  const index = links.indexOf(name)
  return {
    request: deleteLink(index === undefined ? { name } : { index }),
    indexes: index === undefined ? [] : [index],
  }
}

/** Resolves with the kernel's refusal, or nothing. */
function untilGone(
  client: NetlinkClient,
  links: LinkTable,
  { request, indexes }: Deletion,
): Promise<NetlinkError | undefined> {
  return new Promise(resolve => {
    const forget = links.onDeparture(indexes, () => resolve(undefined))
    void client.sendAside([request]).then(([reply]) => {
      forget()
      resolve(reply?.ok === false ? reply.error : undefined)
    })
  })
}

function nameOf({ entry }: Operation): string {
  return entry.kind === 'link' ? entry.name : ''
}
