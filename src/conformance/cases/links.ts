import type { Attachment } from '../attachment.ts'
import { expectDefined, expectThat } from '../expect.ts'
import type { Namespace } from '../namespace.ts'
import { type ObservedLink, observeLink, observeLinks } from '../observe.ts'
import type { World } from '../world.ts'

/** The host's end of an attachment's veth pair: the interface of the result that is in no sandbox and no bridge. */
export async function hostEnd(world: World, attachment: Attachment): Promise<ObservedLink> {
  const outside = attachment.result.interfaces.filter(({ sandbox = '' }) => sandbox === '')
  const names = new Set(outside.map(({ name }) => name))
  const links = await observeLinks(world.host.network)
  const end = links.find(link => names.has(link.ifname) && link.linkinfo?.info_kind === 'veth')
  return expectDefined('the host end of the result among the links of the host', end)
}

/** @throws `conformance.unmet` if there is a link of that name */
export async function expectNoLink(what: string, where: Namespace, name: string): Promise<void> {
  expectThat(what, (await observeLink(where, name)) === undefined, 'no such link', `${name} is there`)
}
