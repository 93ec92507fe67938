import { CLUSTER_GUARDS } from './cluster-guards.ts'
import type { Guard } from './guard.ts'
import { NODE_GUARDS } from './node-guards.ts'

/** All of them, in the order of the table. */
export const GUARDS: readonly Guard[] = [...NODE_GUARDS, ...CLUSTER_GUARDS]
