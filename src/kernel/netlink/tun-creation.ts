import { hasCode } from '../../base/index.ts'
import { getLink, NetlinkClient, setLink } from '../../netlink/index.ts'
import type { Tun, TunOptions } from '../../sys/index.ts'
import type { TunLink } from '../entry.ts'
import type { NamespaceHandle, Operation } from '../operation.ts'
import { linkAlias } from '../ownership.ts'
import type { CreationOptions } from './link-creation.ts'
import { ask, failureOf, linksIn } from './link-exchange.ts'
import { exists, type Failure, linkMissing, namespaceNeeded, refusal } from './refusals.ts'

/** Makes a TUN or TAP device; an empty name lets the kernel choose. */
export type OpenTun = (name: string, options: TunOptions) => Tun

/**
 * Makes a TUN or TAP device through /dev/net/tun, and moves it here if it had to be made elsewhere. It lives as long
 * as its descriptor is open, and persists only when it is where it belongs and marked: a crash before leaves nothing.
 */
export async function makeTun(
  { client, home, openTun }: Pick<CreationOptions, 'client' | 'home' | 'openTun'>,
  operation: Operation,
  link: TunLink,
  birthplace: NamespaceHandle | undefined,
): Promise<Failure | undefined> {
  if (link.madeIn !== undefined && birthplace?.route === undefined)
    return namespaceNeeded(operation, link, link.madeIn)
  const there = birthplace?.route === undefined ? client : new NetlinkClient(birthplace.route)
  let tun: Tun | undefined
  try {
    tun = openTun(there === client ? link.name : '', optionsOf(link))
    const [made] = linksIn(await ask(there, getLink({ name: tun.name })))
    if (made === undefined) return linkMissing(operation, tun.name, link.madeIn)
    const move = there === client ? {} : { name: link.name, netnsFd: home }
    const change = setLink({ index: made.index }, { ...move, alias: linkAlias(link.owner) })
    const failure = failureOf(operation, await ask(there, change))
    if (failure === undefined) tun.persist()
    return failure
  } catch (error) {
    if (hasCode(error, 'sys.ebusy')) return exists(operation)
    return refusal(operation, 'kernel.refused', error instanceof Error ? error.message : String(error), error)
  } finally {
    tun?.close()
  }
}

/** `exclusive`: without it the kernel attaches to a device that is there, which may be another program's. */
function optionsOf({ mode, multiQueue, ownerUid, groupGid }: TunLink): TunOptions {
  return {
    mode,
    exclusive: true,
    ...(multiQueue === undefined ? {} : { multiQueue }),
    ...(ownerUid === undefined ? {} : { ownerUid }),
    ...(groupGid === undefined ? {} : { groupGid }),
  }
}
