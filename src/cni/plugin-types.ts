/**
 * Every plugin type that the agent answers for: the names under which the one shim is installed. A type's behaviour
 * is the agent's; docs/cni.md says what each does.
 */
export const PLUGIN_TYPES = [
  'podlace',
  'bridge',
  'ptp',
  'ipvlan',
  'macvlan',
  'vlan',
  'host-device',
  'loopback',
  'tap',
  'dummy',
  'host-local',
  'static',
  'dhcp',
  'portmap',
  'bandwidth',
  'tuning',
  'firewall',
  'sbr',
  'vrf',
  'flannel',
] as const

export type PluginType = (typeof PLUGIN_TYPES)[number]
