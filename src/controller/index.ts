export { PodCidrController, type PodCidrControllerOptions } from './pod-cidr-controller.ts'
export { type RunControllerOptions, type RunningController, runController } from './run.ts'
export type { BlockAction, BlockPlan, BlockProblem, BlockProblemReason, BlockWorld } from './world.ts'
