import type { Target } from '../engine/target.ts'
import { agentTargets } from './agent.ts'
import { attachTargets } from './attach.ts'
import { cniTargets } from './cni.ts'
import { criTargets } from './cri.ts'
import { dhcpTargets } from './dhcp.ts'
import { etcdTargets } from './etcd.ts'
import { kernelTargets } from './kernel.ts'
import { netlinkTargets } from './netlink.ts'
import { nftablesTargets } from './nftables.ts'
import { packetTargets } from './packet.ts'
import { storeTargets } from './store.ts'
import { textTargets } from './texts.ts'

/** Everything that reads what came from outside. */
export const targets: readonly Target[] = [
  ...netlinkTargets,
  ...nftablesTargets,
  ...kernelTargets,
  ...cniTargets,
  ...attachTargets,
  ...agentTargets,
  ...criTargets,
  ...dhcpTargets,
  ...etcdTargets,
  ...packetTargets,
  ...storeTargets,
  ...textTargets,
]
