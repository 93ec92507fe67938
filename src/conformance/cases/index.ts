import type { ConformanceCase } from '../case.ts'
import { bridgeCases } from './bridge.ts'
import { bridgeLifeCases } from './bridge-life.ts'
import { hostLocalCases } from './host-local.ts'
import { loopbackCases } from './loopback.ts'
import { protocolCases } from './protocol.ts'
import { ptpCases } from './ptp.ts'
import { staticCases } from './static.ts'

const CASES: readonly ConformanceCase[] = [
  ...bridgeCases,
  ...bridgeLifeCases,
  ...ptpCases,
  ...loopbackCases,
  ...hostLocalCases,
  ...staticCases,
]

/** All cases for a folder with plugins of these types. */
export function allCases(types: readonly string[]): ConformanceCase[] {
  return [...protocolCases(types), ...CASES]
}
