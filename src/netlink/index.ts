/**
 * Typed route and netfilter netlink: pure codecs, requests named as in iproute2, and a client over whatever
 * transport it is given.
 *
 *     const client = new NetlinkClient(netns.route)
 *     const [reply] = await client.send([addRoute({ dst: '10.244.3.0/24', gateway: '10.244.3.0', linkIndex: 7 })])
 *     const routes = (await client.dump(listRoutes({ table: 254 }))).map(decodeRoute)
 */
export {
  type Address,
  type AddressSpec,
  addAddress,
  decodeAddress,
  deleteAddress,
  encodeAddress,
  IFA_F_DADFAILED,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_PERMANENT,
  IFA_F_TENTATIVE,
  listAddresses,
  replaceAddress,
} from './address.ts'
export type { BridgePort } from './bridge-port.ts'
export { type BridgeVlan, type VlanRange, vlanRanges } from './bridge-vlan.ts'
export {
  addBridgeVlans,
  deleteBridgeVlans,
  listBridgeVlans,
  type VlanTarget,
} from './bridge-vlan-requests.ts'
export { type BatchOptions, NetlinkClient } from './client.ts'
export { decodeFlow, deleteFlow, encodeFlow, type Flow, type FlowFilter, listFlows } from './conntrack.ts'
export { type NetlinkError, type NetlinkErrorPayload } from './errors.ts'
export {
  decodeEvent,
  type LinkInterest,
  netfilterGroups,
  type RouteEvent,
  routeGroups,
  withoutSuperseded,
} from './events.ts'
export {
  addFdb,
  appendFdb,
  decodeFdb,
  deleteFdb,
  encodeFdb,
  type Fdb,
  type FdbSpec,
  type FdbState,
  isFdb,
  listFdb,
  replaceFdb,
} from './fdb.ts'
export {
  addClassFilter,
  addRedirect,
  type ClassMatch,
  decodeFilter,
  deleteFilters,
  type Filter,
  listFilters,
  type RedirectSpec,
} from './filter.ts'
export { decodeFamily, type GenericFamily, getFamily } from './generic.ts'
export { isKernelsOwn } from './kernels-own.ts'
export {
  decodeLink,
  encodeLink,
  type Link,
  type LinkChanges,
  type LinkSpec,
  type LinkTarget,
} from './link.ts'
export {
  IFF_ALLMULTI,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_NOARP,
  IFF_PROMISC,
  IFF_RUNNING,
  IFF_UP,
  type OperState,
} from './link-attributes.ts'
export type { LinkInfo } from './link-kinds/index.ts'
export type { MacvlanMode } from './link-kinds/macvlan.ts'
export type { VethPeer } from './link-kinds/veth.ts'
export type { VxlanData } from './link-kinds/vxlan.ts'
export {
  addLink,
  deleteLink,
  deleteLinkGroup,
  getLink,
  type LinkFilter,
  listLinks,
  setBridgePort,
  setLink,
} from './link-requests.ts'
export { type Message, parseEvents, type Request } from './messages.ts'
export {
  addNeighbour,
  decodeNeighbour,
  deleteNeighbour,
  encodeNeighbour,
  listNeighbours,
  type Neighbour,
  type NeighbourSpec,
  replaceNeighbour,
} from './neighbour.ts'
export {
  type NeighbourState,
  NTF_EXT_LEARNED,
  NTF_MASTER,
  NTF_PROXY,
  NTF_ROUTER,
  NTF_SELF,
  NTF_STICKY,
} from './neighbour-wire.ts'
export { decodeNetnsId, getNetnsId } from './netns-id.ts'
export {
  type NextHop,
  type RouteMetrics,
  RTNH_F_DEAD,
  RTNH_F_LINKDOWN,
  RTNH_F_ONLINK,
} from './next-hop.ts'
export * as nft from './nftables/index.ts'
export {
  addClassQdisc,
  addQdisc,
  decodeQdisc,
  deleteQdisc,
  encodeQdisc,
  listQdiscs,
  type Qdisc,
  type RootQdisc,
  replaceIngress,
  replaceQdisc,
} from './qdisc.ts'
export type { Reply } from './replies.ts'
export { decodeRoute, encodeNewRoute, type Route, type RouteSpec } from './route.ts'
export {
  type RouteScope,
  type RouteType,
  RT_TABLE_DEFAULT,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTPROT_BOOT,
  RTPROT_KERNEL,
  RTPROT_STATIC,
} from './route-names.ts'
export {
  addRoute,
  appendRoute,
  deleteRoute,
  getRoute,
  listRoutes,
  type RouteFilter,
  type RouteLookup,
  replaceRoute,
} from './route-requests.ts'
export { addRule, decodeRule, deleteRule, encodeRule, listRules, type Rule, type RuleSpec } from './rule.ts'
export { keptBurst, type TokenBucket } from './token-bucket.ts'
export { addClass, decodeClass, listClasses, type TrafficClass } from './traffic-class.ts'
export { TC_H_INGRESS, TC_H_INGRESS_FILTERS, TC_H_ROOT } from './traffic-control.ts'
export * from './wireguard/index.ts'
