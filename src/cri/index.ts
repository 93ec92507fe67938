export { CriClient, type CriClientOptions, type SandboxStatus } from './client.ts'
export type { ContainerConfig, PodSandboxConfig, RuntimeCondition } from './messages.ts'
