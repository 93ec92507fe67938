import type { ConformanceCase } from '../../case.ts'
import { hostLocalAllocationCases } from './allocation.ts'
import { hostLocalConcurrencyCases } from './concurrency.ts'
import { hostLocalDiskCases } from './disk.ts'
import { hostLocalLifeCases } from './life.ts'
import { hostLocalRangeSetCases } from './range-sets.ts'
import { hostLocalRefusalCases } from './refused-ranges.ts'
import { hostLocalRequestCases } from './requests.ts'
import { hostLocalUpkeepCases } from './upkeep.ts'

export const hostLocalCases: readonly ConformanceCase[] = [
  ...hostLocalAllocationCases,
  ...hostLocalRangeSetCases,
  ...hostLocalRequestCases,
  ...hostLocalRefusalCases,
  ...hostLocalLifeCases,
  ...hostLocalDiskCases,
  ...hostLocalConcurrencyCases,
  ...hostLocalUpkeepCases,
]
