import type { Agent } from './agent.ts'
import { originName } from './origin-name.ts'

/** What cannot be honoured, or is not as it should be. */
export interface AgentFinding {
  readonly about: string
  /** In words. */
  readonly text: string
}

/** All that an agent knows to be wrong now. */
export function findingsOf(agent: Agent): readonly AgentFinding[] {
  return [
    ...agent.overlayFindings().map(({ object, text }) => ({ about: object, text })),
    ...agent.reconciler.findings.map(({ key, message }) => ({ about: key, text: message })),
    ...agent.entries.conflicts().map(({ key, claims }) => ({
      about: key,
      text: `wanted in different ways by ${claims.map(({ by }) => originName(agent, by)).join(' and ')}`,
    })),
  ]
}
