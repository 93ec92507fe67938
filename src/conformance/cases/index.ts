import type { ConformanceCase } from '../case.ts'
import { bridgeCases } from './bridge.ts'
import { bridgeLifeCases } from './bridge-life.ts'
import { protocolCases } from './protocol.ts'

/** All cases for a folder with plugins of these types. */
export function allCases(types: readonly string[]): ConformanceCase[] {
  return [...protocolCases(types), ...bridgeCases, ...bridgeLifeCases]
}
