import type { ConformanceCase } from '../../case.ts'
import { bridgeAddCases } from './add.ts'
import { bridgeCheckCases } from './check.ts'
import { bridgeDelCases } from './del.ts'
import { bridgeErrorCases } from './errors.ts'
import { bridgeInputCases } from './input.ts'
import { bridgeMacCases } from './mac.ts'
import { bridgeMasqueradeCases } from './masquerade.ts'
import { bridgeOptionCases } from './options.ts'
import { bridgeRefusalCases } from './refusals.ts'
import { bridgeRollbackCases } from './rollback.ts'
import { bridgeRouteSettingCases } from './route-settings.ts'
import { bridgeSettingCases } from './settings.ts'
import { bridgeSpoofingCases } from './spoofing.ts'
import { bridgeVlanCases } from './vlan.ts'

export const bridgeCases: readonly ConformanceCase[] = [
  ...bridgeAddCases,
  ...bridgeOptionCases,
  ...bridgeRefusalCases,
  ...bridgeMacCases,
  ...bridgeSettingCases,
  ...bridgeRouteSettingCases,
  ...bridgeVlanCases,
  ...bridgeSpoofingCases,
  ...bridgeMasqueradeCases,
  ...bridgeDelCases,
  ...bridgeCheckCases,
  ...bridgeRollbackCases,
  ...bridgeErrorCases,
  ...bridgeInputCases,
]
