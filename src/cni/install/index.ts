export type { Change } from './change.ts'
export type { InstallError, InstallErrorPayload } from './errors.ts'
export {
  type InstallOptions,
  type InstallReport,
  install,
  type UninstallOptions,
  uninstall,
} from './install.ts'
export { NETWORK_FILE, type NetworkFile, podlaceNetwork, readNetworkFile } from './network-file.ts'
