export { type BandwidthSpec, planBandwidth } from './bandwidth.ts'
export { type BandwidthConfig, type BandwidthLimit, parseBandwidthConfig } from './bandwidth-config.ts'
export { type BridgeSpec, gatewayLink, planBridge } from './bridge.ts'
export { type BridgeConfig, parseBridgeConfig } from './bridge-config.ts'
export { bridgeOfBoth, type PortVlans } from './bridge-vlans.ts'
export { planDummy } from './dummy.ts'
export type { AttachError, AttachErrorPayload } from './errors.ts'
export { type FirewallSpec, planFirewall } from './firewall.ts'
export { type FirewallConfig, type IngressPolicy, parseFirewallConfig } from './firewall-config.ts'
export { type ForeignSpec, planForeign } from './foreign.ts'
export { type GuardConfig, guardedTunnels } from './guard.ts'
export {
  chooseDevice,
  type HostDevice,
  type HostDeviceSpec,
  planHostDevice,
} from './host-device.ts'
export { type HostDeviceConfig, parseHostDeviceConfig, type WantedDevice } from './host-device-config.ts'
export { type IpvlanSpec, planIpvlan } from './ipvlan.ts'
export { type IpvlanConfig, parseIpvlanConfig } from './ipvlan-config.ts'
export { type LoopbackSpec, planLoopback } from './loopback.ts'
export { type MacvlanSpec, planMacvlan } from './macvlan.ts'
export { type MacvlanConfig, parseMacvlanConfig } from './macvlan-config.ts'
export { isAttachmentOwner, isAttachmentTable } from './marks.ts'
export { type MasterConfig, type MasteredSpec, masterName, type ObservedDevice } from './master.ts'
export { attachmentOwner, hostInterfaceName, iptablesChainNames } from './names.ts'
export type {
  Attachment,
  AttachmentSpec,
  ChainedSpec,
  ManagedAddresses,
  PodOnDelete,
  RequestedMac,
} from './plan.ts'
export { removedOnDelete } from './plan.ts'
export { HOST_NETNS } from './pod-link.ts'
export { type PodlaceSettings, podlaceBridge } from './podlace.ts'
export { type PortClaims, refuseTakenPorts } from './port-claims.ts'
export { type PortmapSpec, planPortmap } from './portmap.ts'
export { type PortMapping, type PortmapConfig, parsePortmapConfig } from './portmap-config.ts'
export { type PtpSpec, planPtp } from './ptp.ts'
export { type PtpConfig, parsePtpConfig } from './ptp-config.ts'
export {
  type CniDns,
  type CniInterface,
  type CniIp,
  type CniResult,
  type CniRoute,
  ipFamily,
} from './result.ts'
export {
  addressSchema,
  countSchema,
  dnsSchema,
  interfaceAddressSchema,
  routeSchema,
} from './result-schema.ts'
export { planSbr, type SbrSpec } from './sbr.ts'
export { parseSbrConfig, type SbrConfig } from './sbr-config.ts'
export { type StaticRequest, staticAddresses } from './static.ts'
export { parseStaticConfig, type StaticAddress, type StaticConfig } from './static-config.ts'
export { checkSysctlAllowlist } from './sysctl-allowlist.ts'
export type { SysctlSetting } from './sysctl-key.ts'
export { planTap, type TapSpec } from './tap.ts'
export { parseTapConfig, type TapConfig } from './tap-config.ts'
export { planTuning, type TuningSpec } from './tuning.ts'
export { parseTuningConfig, type TuningConfig } from './tuning-config.ts'
export { planVlan, type VlanSpec } from './vlan.ts'
export { parseVlanConfig, type VlanConfig } from './vlan-config.ts'
export { planVrf, type VrfSpec } from './vrf.ts'
export { parseVrfConfig, type VrfConfig } from './vrf-config.ts'
