import { getLink, NetlinkClient, setLink } from '../../netlink/index.ts'
import type { MovedLink } from '../kinds/link.ts'
import type { NamespaceHandle, Operation } from '../operation.ts'
import { formerSelf, movedAlias, ownerOfAlias } from '../ownership.ts'
import type { CreationOptions } from './link-creation.ts'
import { ask, failureOf, linksIn } from './link-exchange.ts'
import { exists, type Failure, linkMissing, namespaceNeeded, refusal } from './refusals.ts'

/** Devices that are moved from one namespace to another, and back. */

/** IFLA_IFALIAS, bytes (IFALIASZ - 1). */
const MAX_ALIAS_BYTES = 255

/**
 * Moves a device here, renames it and writes down what it was, all in one message: no crash comes in between, and
 * nobody sees it where it was with our mark.
 */
export async function fetchDevice(
  { client, home }: Pick<CreationOptions, 'client' | 'home'>,
  operation: Operation,
  link: MovedLink,
  source: NamespaceHandle | undefined,
): Promise<Failure | undefined> {
  const { name, netns } = link.movedFrom
  if (source?.route === undefined) return namespaceNeeded(operation, link, netns)
  // The kernel moves first and renames then: a refused name would leave the device here under its old one.
  if ((await ask(client, getLink({ name: link.name })))?.ok === true) return exists(operation)
  const there = new NetlinkClient(source.route)
  const [device] = linksIn(await ask(there, getLink({ name })))
  if (device === undefined) return linkMissing(operation, name, netns)
  const owner = ownerOfAlias(device.alias)
  if (owner !== undefined) {
    return refusal(
      operation,
      'kernel.busy',
      `${name} is ours already, for ${owner}; name a device that is free`,
    )
  }
  // Where its last namespace ended by itself it may still be on its way to its old name and alias.
  const { alias: formerAlias } = formerSelf(device.alias) ?? device
  const alias = movedAlias({ name, ...(formerAlias === undefined ? {} : { alias: formerAlias }) })
  if (Buffer.byteLength(alias) > MAX_ALIAS_BYTES) {
    const why = `the alias of ${name} is too long to be remembered with its name; shorten it`
    return refusal(operation, 'kernel.invalid', why)
  }
  const move = setLink({ index: device.index }, { name: link.name, alias, netnsFd: home })
  return failureOf(operation, await ask(there, move))
}

/**
 * Gives a device back: its old name and alias, in its old namespace. It is here without having been moved back where
 * the kernel did that, as the namespace it was in ended; then only name and alias are put back.
 */
export async function giveBack(
  { client, links, context }: Pick<CreationOptions, 'client' | 'links' | 'context'>,
  operation: Operation,
  link: MovedLink,
): Promise<Failure | undefined> {
  const { netns, name, alias = '' } = link.movedFrom
  const owner = context?.namespaces.get(netns)
  if (netns !== '' && owner === undefined) return namespaceNeeded(operation, link, netns)
  const [device] = linksIn(await ask(client, getLink({ name: link.name })))
  if (device === undefined || formerSelf(device.alias) === undefined) return undefined
  const back = owner === undefined ? {} : { netnsFd: owner.fds.netns }
  const failure = failureOf(
    operation,
    await ask(client, setLink({ index: device.index }, { name, alias, ...back })),
  )
  if (failure === undefined && owner !== undefined) links.delete(device.index)
  return failure
}
