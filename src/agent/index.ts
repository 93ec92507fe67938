export { Agent, type AgentWorld } from './agent.ts'
export { type AgentConfig, parseAgentConfig } from './config.ts'
export { type RunningAgent, type RunOptions, runAgent } from './run.ts'
