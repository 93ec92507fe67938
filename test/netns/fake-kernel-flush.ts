import {
  decodeAddress,
  decodeNeighbour,
  decodeRoute,
  deleteAddress,
  deleteNeighbour,
  deleteRoute,
  listAddresses,
  listNeighbours,
  listRoutes,
  type NetlinkClient,
  type Request,
} from '../../src/netlink/index.ts'

/** RTPROT of what is ours. */
const OURS = 113
/** What the kernel keeps for itself. */
const HIDDEN: ReadonlySet<unknown> = new Set(['local', 'broadcast', 'multicast', 'anycast'])

/** What `ip ... flush` sends: it lists, then deletes one by one. */
export async function flushRequests(
  client: NetlinkClient,
  act: 'flush-routes' | 'flush-addresses' | 'flush-neighbours',
  linkIndex: number | undefined,
): Promise<Request[]> {
  const isThere = (item: { readonly linkIndex?: number }) => item.linkIndex === linkIndex
  switch (act) {
    case 'flush-addresses': {
      const addresses = (await client.dump(listAddresses())).map(decodeAddress)
      return addresses.filter(isThere).map(deleteAddress)
    }
    case 'flush-neighbours': {
      const neighbours = (await client.dump(listNeighbours())).map(decodeNeighbour)
      return neighbours.filter(item => isThere(item) && item.state === 'permanent').map(deleteNeighbour)
    }
    case 'flush-routes': {
      const messages = [
        ...(await client.dump(listRoutes({ family: 4 }))),
        ...(await client.dump(listRoutes({ family: 6 }))),
      ]
      const routes = messages.map(decodeRoute).filter(({ type }) => !HIDDEN.has(type))
      const doomed = routes.filter(item => (linkIndex === undefined ? item.protocol === OURS : isThere(item)))
      return doomed.map(({ dst, table, metric, linkIndex, type }) =>
        deleteRoute({ dst, table, metric, type, ...(linkIndex === undefined ? {} : { linkIndex }) }),
      )
    }
  }
}
