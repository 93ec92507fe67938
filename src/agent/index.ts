export { Agent, type AgentWorld } from './agent.ts'
export { type AgentConfig, type AgentConfigInput, parseAgentConfig } from './config.ts'
export { type RunningAgent, type RunOptions, runAgent } from './run.ts'
