export { type CheckReport, labCheck, type PairReport } from './check.ts'
export { type DemoOptions, type DemoReporter, runDemo } from './demo/run.ts'
export { labDown } from './down.ts'
export type { LabError, LabErrorPayload } from './errors.ts'
export { labExec, labExecCaptured } from './exec.ts'
export { type KillReport, labKillAgent } from './faults/agent.ts'
export { type DeletionReport, deleteAndWatch } from './faults/delete-entry.ts'
export { partitionNode } from './faults/partition.ts'
export { startDaemon, startHolder } from './holder.ts'
export { Lab, type LabEnvironment } from './lab.ts'
export { LABS_ROOT, SERVICE_UID } from './layout.ts'
export { labAddNode, labRemoveNode, labRun } from './membership.ts'
export { isAlive, type ProcessIdentity, signalProcess } from './process-identity.ts'
export { checkBuilt, installProgram, nodeToMount, onPath, packageRoot } from './program.ts'
export { checkRoot } from './root.ts'
export {
  checkName,
  checkSettings,
  LAB_BACKENDS,
  type LabBackend,
  type LabRuntime,
  type LabSettings,
} from './settings.ts'
export { type LabStatus, labStatus, type NodeStatus } from './status.ts'
export { labTrace } from './trace-world.ts'
export { labUp } from './up.ts'
export { withoutRoot } from './without-root.ts'
export { WorkloadServer } from './workload/server.ts'
