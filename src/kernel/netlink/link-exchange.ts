import {
  decodeLink,
  type Link,
  listBridgeVlans,
  type NetlinkClient,
  type Reply,
  type Request,
} from '../../netlink/index.ts'
import type { Operation } from '../operation.ts'
import type { LinkTable } from './link-table.ts'
import { type Failure, refusalOf } from './refusals.ts'

/** Requests about links whose answers decide what comes next. */

export async function ask(client: NetlinkClient, request: Request): Promise<Reply | undefined> {
  const [reply] = await client.send([request])
  return reply
}

/** The links that an answer tells of; none if it is a refusal. */
export function linksIn(reply: Reply | undefined): Link[] {
  return reply?.ok === true ? reply.messages.map(decodeLink) : []
}

/** Takes down the VLANs of all bridges and their ports, and has them followed. */
export async function readVlans(client: NetlinkClient, links: LinkTable): Promise<void> {
  links.resetVlans((await client.dump(listBridgeVlans())).map(decodeLink))
}

export function failureOf(operation: Operation, reply: Reply | undefined): Failure | undefined {
  return reply?.ok === false ? refusalOf(operation, reply.error) : undefined
}
