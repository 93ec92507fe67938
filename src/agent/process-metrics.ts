import type { Registry } from 'prom-client'
import eventLoopLag from 'prom-client/lib/metrics/eventLoopLag.js'
import heapSizeAndUsed from 'prom-client/lib/metrics/heapSizeAndUsed.js'
import heapSpacesSizeAndUsed from 'prom-client/lib/metrics/heapSpacesSizeAndUsed.js'
import osMemoryHeap from 'prom-client/lib/metrics/osMemoryHeap.js'
import processCpuTotal from 'prom-client/lib/metrics/processCpuTotal.js'
import processMaxFileDescriptors from 'prom-client/lib/metrics/processMaxFileDescriptors.js'
import processOpenFileDescriptors from 'prom-client/lib/metrics/processOpenFileDescriptors.js'
import processResources from 'prom-client/lib/metrics/processResources.js'
import processStartTime from 'prom-client/lib/metrics/processStartTime.js'
import version from 'prom-client/lib/metrics/version.js'

/**
 * What prom-client collects of a process by default (of handles and requests, what the resources tell), but for the time
 * that collecting garbage takes: it learns that from an observer, which node hands an object for each collection, and
 * those took an agent as long as the collections themselves.
 */
const SERIES = [
  processCpuTotal,
  processStartTime,
  osMemoryHeap,
  processOpenFileDescriptors,
  processMaxFileDescriptors,
  eventLoopLag,
  processResources,
  heapSizeAndUsed,
  heapSpacesSizeAndUsed,
  version,
]

/** The loop's lag is measured by a timer, which by default wakes a process that rests a hundred times a second. */
const LAG_RESOLUTION_MS = 1000

export function registerProcessMetrics(registry: Registry): void {
  for (const register of SERIES) register(registry, { eventLoopMonitoringPrecision: LAG_RESOLUTION_MS })
}
