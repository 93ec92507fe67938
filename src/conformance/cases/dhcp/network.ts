import type { Attachment } from '../../attachment.ts'
import { GATEWAY } from '../../configs.ts'
import type { DhcpServer } from '../../dhcp-server.ts'
import { expectDefined } from '../../expect.ts'
import { observeLink } from '../../observe.ts'
import type { AttachOptions, World } from '../../world.ts'

/** The bridge of the case, with a server behind it. */
export async function servedBridge(
  world: World,
  options: ReadonlyMap<number, Uint8Array>,
): Promise<DhcpServer> {
  const { network } = world.host
  await network.ip(`link add ${world.bridgeName} type bridge`)
  await network.ip(`address add ${GATEWAY.ipv4}/24 dev ${world.bridgeName}`)
  await network.ip(`link set ${world.bridgeName} up`)
  const link = expectDefined('the bridge', await observeLink(network, world.bridgeName))
  return world.serveDhcp({
    where: network,
    linkIndex: link.ifindex,
    address: GATEWAY.ipv4,
    options,
  })
}

/** A bridge with a server behind it, and containers whose interfaces are there already, for the plugin by itself. */
export class Served {
  readonly server: DhcpServer
  private readonly world: World
  private readonly wires: Attachment[] = []

  private constructor(world: World, server: DhcpServer) {
    this.world = world
    this.server = server
  }

  /** What the case has made itself goes at its end; what of it is attached then is given back before. */
  static async during(
    world: World,
    options: ReadonlyMap<number, Uint8Array>,
    run: (served: Served) => Promise<void>,
  ): Promise<void> {
    const served = new Served(world, await servedBridge(world, options))
    try {
      await run(served)
    } finally {
      await served.unwire()
    }
  }

  async wired(
    ipam: Readonly<Record<string, unknown>> = {},
    options: AttachOptions = {},
  ): Promise<Attachment> {
    const { world } = this
    const network = world.network({ type: 'dhcp', ipam: { type: 'dhcp', ...ipam } })
    const attachment = await world.attachment(network, options)
    const { pod } = attachment
    const { ifname } = attachment.options
    await world.host.network.ip(
      `link add ${endOf(attachment)} type veth peer name ${ifname} netns ${pod.name}`,
    )
    this.wires.push(attachment)
    await world.host.network.ip(`link set ${endOf(attachment)} master ${world.bridgeName} up`)
    await pod.ip(`link set ${ifname} up`)
    return attachment
  }

  private async unwire(): Promise<void> {
    for (const attachment of this.wires) {
      if (!attachment.deleted) await attachment.del()
      if (!attachment.pod.removed) await this.world.host.network.ip(`link delete ${endOf(attachment)}`)
    }
  }
}

function endOf({ pod, options }: Attachment): string {
  return `${pod.name}${options.ifname}`
}
