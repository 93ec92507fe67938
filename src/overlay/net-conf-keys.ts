import type { BackendByType, BackendType, NetworkConfig } from '../model/index.ts'

/** Keys of flannel's net-conf.json, and what they are in a NetworkConfig. */
export const NETWORK_KEYS: Readonly<Record<string, keyof NetworkConfig['spec']>> = {
  Network: 'network',
  IPv6Network: 'ipv6Network',
  SubnetLen: 'subnetLength',
  IPv6SubnetLen: 'ipv6SubnetLength',
}

/** Those that say true or false about the others. */
export const SWITCHES = ['EnableIPv4', 'EnableIPv6', 'EnableNFTables'] as const

type KeysOf<T extends BackendType> = Readonly<Record<string, Exclude<keyof BackendByType[T], 'type'>>>

export const BACKEND_KEYS: { readonly [T in BackendType]: KeysOf<T> } = {
  vxlan: {
    VNI: 'vni',
    Port: 'port',
    MTU: 'mtu',
    DirectRouting: 'directRouting',
    Learning: 'learning',
    GBP: 'gbp',
  },
  'host-gw': {},
  udp: { Port: 'port' },
  ipip: { DirectRouting: 'directRouting' },
  alloc: {},
  extension: {
    PreStartupCommand: 'preStartupCommand',
    PostStartupCommand: 'postStartupCommand',
    SubnetAddCommand: 'subnetAddCommand',
    SubnetRemoveCommand: 'subnetRemoveCommand',
  },
  wireguard: {
    ListenPort: 'listenPort',
    ListenPortV6: 'listenPortV6',
    MTU: 'mtu',
    PSK: 'presharedKey',
    PersistentKeepaliveInterval: 'persistentKeepaliveSeconds',
    Mode: 'mode',
  },
}

/** Keys whose 0, or empty text, means that they are not given. */
export const ZERO_IS_ABSENT: ReadonlySet<string> = new Set([
  'Port',
  'MTU',
  'PSK',
  'SubnetLen',
  'IPv6SubnetLen',
])

/** Where nodes choose their blocks themselves, which is in etcd. */
export const RANGE_KEYS = ['SubnetMin', 'SubnetMax', 'IPv6SubnetMin', 'IPv6SubnetMax'] as const

const BLOCKS_COME_OTHERWISE =
  'which block a node gets is said by whoever sets spec.podCIDR of its Node; leave it out'

/** What flannel knows and Podlace does not, and why. */
export const UNSUPPORTED: ReadonlyMap<string, string> = new Map(
  RANGE_KEYS.map(key => [key, BLOCKS_COME_OTHERWISE]),
)
