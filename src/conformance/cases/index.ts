import type { ConformanceCase } from '../case.ts'
import { bandwidthCases } from './bandwidth/limits.ts'
import { bandwidthSubnetCases } from './bandwidth/subnets.ts'
import { bridgeCases } from './bridge/index.ts'
import { chainCases } from './chain.ts'
import { concurrencyCases } from './concurrency.ts'
import { crashCases } from './crash.ts'
import { delegationCases } from './delegation.ts'
import { dhcpCases } from './dhcp/cases.ts'
import { dummyAndTapCases } from './dummy-and-tap.ts'
import { firewallCases } from './firewall.ts'
import { flannelForeignCases } from './flannel/foreign.ts'
import { flannelCases } from './flannel/own.ts'
import { hostDeviceCases } from './host-device.ts'
import { hostLocalCases } from './host-local/index.ts'
import { loopbackCases } from './loopback.ts'
import { lowerLinkCases } from './lower-links/common.ts'
import { ownLinkCases } from './lower-links/own.ts'
import { portmapLifeCases } from './portmap/life.ts'
import { portmapTrafficCases } from './portmap/traffic.ts'
import { protocolCases } from './protocol.ts'
import { ptpAddCases } from './ptp/add.ts'
import { ptpLifeCases, ptpMasqueradeCases } from './ptp/life.ts'
import { sameTypeCases } from './same-type.ts'
import { sbrCases } from './sbr.ts'
import { staticCases } from './static.ts'
import { tuningSettingCases } from './tuning/settings.ts'
import { tuningSysctlCases } from './tuning/sysctl.ts'
import { upkeepCases } from './upkeep.ts'
import { versionCases } from './versions.ts'
import { vrfCases } from './vrf.ts'

const CASES: readonly ConformanceCase[] = [
  ...bridgeCases,
  ...versionCases,
  ...delegationCases,
  ...ptpAddCases,
  ...ptpMasqueradeCases,
  ...ptpLifeCases,
  ...lowerLinkCases,
  ...ownLinkCases,
  ...hostDeviceCases,
  ...dummyAndTapCases,
  ...loopbackCases,
  ...hostLocalCases,
  ...staticCases,
  ...dhcpCases,
  ...flannelCases,
  ...flannelForeignCases,
  ...portmapTrafficCases,
  ...portmapLifeCases,
  ...bandwidthCases,
  ...bandwidthSubnetCases,
  ...tuningSysctlCases,
  ...tuningSettingCases,
  ...firewallCases,
  ...sbrCases,
  ...vrfCases,
  ...concurrencyCases,
  ...crashCases,
  ...upkeepCases,
  ...chainCases,
  ...sameTypeCases,
]

/** All cases for a folder with plugins of these types: first what every program in it must do. */
export function allCases(types: readonly string[]): ConformanceCase[] {
  return [...protocolCases(types), ...CASES]
}
