import type { FlagKind } from './go-flags.ts'

/** Flags that the agent can follow. */
const FOLLOWED: ReadonlyMap<string, FlagKind> = new Map([
  ['kube-subnet-mgr', 'boolean'],
  ['kube-api-url', 'text'],
  ['kubeconfig-file', 'text'],
  ['kube-annotation-prefix', 'text'],
  ['net-config-path', 'text'],
  ['iface', 'list'],
  ['iface-regex', 'list'],
  ['iface-can-reach', 'text'],
  ['public-ip', 'text'],
  ['public-ipv6', 'text'],
  ['subnet-file', 'text'],
  ['ip-masq', 'boolean'],
  ['ip-masq-fully-random-disable', 'boolean'],
  ['set-node-network-unavailable', 'boolean'],
  ['iptables-forward-rules', 'boolean'],
  ['etcd-endpoints', 'text'],
  ['etcd-prefix', 'text'],
  ['etcd-username', 'text'],
  ['etcd-password', 'text'],
  ['etcd-cafile', 'text'],
  ['etcd-certfile', 'text'],
  ['etcd-keyfile', 'text'],
  ['healthz-ip', 'text'],
  ['healthz-port', 'text'],
  ['version', 'boolean'],
  ['v', 'text'],
])

const NOT_NEEDED = 'what is changed by others is mended at once, not at intervals'

/**
 * Flags that it cannot follow, and why. One whose value asks for what happens anyway is let pass: the value stands
 * behind the reason.
 */
export const REFUSED: ReadonlyMap<
  string,
  { readonly kind: FlagKind; readonly why: string; readonly harmless?: string }
> = new Map([
  [
    'subnet-lease-renew-margin',
    { kind: 'text', why: 'a lease is renewed long before its end', harmless: '60' },
  ],
  ['iptables-resync', { kind: 'text', why: NOT_NEEDED }],
  [
    'ip-blackhole-route',
    { kind: 'boolean', why: 'no blackhole route is made for the block of the node', harmless: 'false' },
  ],
])

/** Every flag of flanneld. */
export const FLAGS: ReadonlyMap<string, FlagKind> = new Map([
  ...FOLLOWED,
  ...[...REFUSED].map(([name, { kind }]) => [name, kind] as const),
])
