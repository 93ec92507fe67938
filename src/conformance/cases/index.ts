import type { ConformanceCase } from '../case.ts'
import { bandwidthCases } from './bandwidth.ts'
import { bridgeCases } from './bridge.ts'
import { bridgeLifeCases } from './bridge-life.ts'
import { bridgePortCases } from './bridge-ports.ts'
import { chainCases } from './chain.ts'
import { concurrencyCases } from './concurrency.ts'
import { crashCases } from './crash.ts'
import { delegationCases } from './delegation.ts'
import { errorCases } from './errors.ts'
import { firewallCases } from './firewall.ts'
import { hostLocalCases } from './host-local.ts'
import { loopbackCases } from './loopback.ts'
import { lowerLinkCases } from './lower-links.ts'
import { policyRoutingCases } from './policy-routing.ts'
import { portmapCases } from './portmap.ts'
import { protocolCases } from './protocol.ts'
import { ptpCases } from './ptp.ts'
import { singleLinkCases } from './single-links.ts'
import { staticCases } from './static.ts'
import { tuningCases } from './tuning.ts'
import { upkeepCases } from './upkeep.ts'
import { versionCases } from './versions.ts'

const CASES: readonly ConformanceCase[] = [
  ...bridgeCases,
  ...bridgeLifeCases,
  ...bridgePortCases,
  ...errorCases,
  ...versionCases,
  ...delegationCases,
  ...concurrencyCases,
  ...crashCases,
  ...upkeepCases,
  ...portmapCases,
  ...bandwidthCases,
  ...tuningCases,
  ...firewallCases,
  ...policyRoutingCases,
  ...lowerLinkCases,
  ...singleLinkCases,
  ...chainCases,
  ...ptpCases,
  ...loopbackCases,
  ...hostLocalCases,
  ...staticCases,
]

/** All cases for a folder with plugins of these types. */
export function allCases(types: readonly string[]): ConformanceCase[] {
  return [...protocolCases(types), ...CASES]
}
