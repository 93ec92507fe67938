import type { ConformanceCase } from '../case.ts'
import { bridgeCases } from './bridge.ts'
import { bridgeLifeCases } from './bridge-life.ts'
import { concurrencyCases } from './concurrency.ts'
import { crashCases } from './crash.ts'
import { delegationCases } from './delegation.ts'
import { errorCases } from './errors.ts'
import { hostLocalCases } from './host-local.ts'
import { loopbackCases } from './loopback.ts'
import { protocolCases } from './protocol.ts'
import { ptpCases } from './ptp.ts'
import { staticCases } from './static.ts'
import { upkeepCases } from './upkeep.ts'
import { versionCases } from './versions.ts'

const CASES: readonly ConformanceCase[] = [
  ...bridgeCases,
  ...bridgeLifeCases,
  ...errorCases,
  ...versionCases,
  ...delegationCases,
  ...concurrencyCases,
  ...crashCases,
  ...upkeepCases,
  ...ptpCases,
  ...loopbackCases,
  ...hostLocalCases,
  ...staticCases,
]

/** All cases for a folder with plugins of these types. */
export function allCases(types: readonly string[]): ConformanceCase[] {
  return [...protocolCases(types), ...CASES]
}
