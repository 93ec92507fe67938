import type { KernelFeature } from './kernel-features.ts'
import type { World } from './world.ts'

/** What a case cannot do without. A case whose needs are not met is reported apart, never counted as passed. */
export interface Needs {
  /** Types of plugins that must be in the directory. */
  readonly plugins: readonly string[]
  readonly kernel?: readonly KernelFeature[]
  /** CNI version that each of the plugins must announce. */
  readonly speaks?: string
}

/** One thing that a CNI plugin must do, tried on the plugin's binary as a runtime would call it. */
export interface ConformanceCase {
  /** Stable: others keep track of it. The first part is the row of the table, as a rule the plugin's type. */
  readonly id: string
  readonly title: string
  /** What demands it: a section of the specification, the plugin's documentation, or a reported defect. */
  readonly source: string
  readonly needs: Needs
  /** Throws `conformance.unmet` if the plugin does not do it. */
  readonly run: (world: World) => Promise<void>
}

/** The row of the table that a case counts in. */
export function groupOf(id: string): string {
  return id.split('.', 1)[0] ?? id
}
