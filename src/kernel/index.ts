export type { FlowFilter } from '../netlink/index.ts'
export { diff, type Plan } from './diff.ts'
export * from './entry.ts'
export { codeOfErrno, type KernelError } from './errors.ts'
export { FakeCrash, FakeKernel, type FakeKernelOptions, type Fault } from './fake/fake-kernel.ts'
export { FakeNetwork } from './fake/fake-network.ts'
export type { ForeignAct, ForeignLinkChanges } from './fake/foreign-act.ts'
export { performForeign } from './fake/perform-foreign.ts'
export { describe as describeEntry } from './findings.ts'
export { formatEntry } from './format.ts'
export type { Cause, HistoryItem } from './history.ts'
export type { OpenEvents } from './netlink/event-sources.ts'
export { NetlinkKernel, type NetlinkKernelOptions } from './netlink/netlink-kernel.ts'
export type { WireguardAccess } from './netlink/wireguard-kernel.ts'
export { applyOnce, checkOnce, type Inspection, inspectOnce, removeOnce } from './once.ts'
export type {
  ApplyContext,
  Finding,
  Kernel,
  KernelEvent,
  NamespaceHandle,
  ObservedEntry,
  Operation,
  Outcome,
  ReplaceScope,
} from './operation.ts'
export { eviction } from './operation.ts'
export type { ReconcilerCounters } from './outcomes.ts'
export { linkAlias, ownerOfAlias, ROUTE_PROTOCOL } from './ownership.ts'
export { Reconciler, type ReconcilerOptions, type Reservation } from './reconciler.ts'
export { presharedKeyFingerprint, type WireguardSecrets, wireguardPublicKey } from './wireguard-secrets.ts'
