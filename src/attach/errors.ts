import { PodlaceError } from '../base/index.ts'

/** What this room throws. All of it is found before anything is changed. */
export type AttachErrorPayload =
  /** A key or value that is known, but not done here. */
  | { readonly code: 'attach.unsupported-field'; readonly field: string }
  /** A key with a value that cannot be, or keys that contradict each other. */
  | { readonly code: 'attach.invalid-configuration' }
  /** The bridge has an address already that the wanted one does not go with. */
  | { readonly code: 'attach.address-conflict'; readonly link: string; readonly address: string }
  /** A port of the host leads to another pod. */
  | { readonly code: 'attach.host-port-taken'; readonly hostPort: number; readonly owner: string }

export type AttachError = PodlaceError<AttachErrorPayload>

export function unsupportedField(field: string, advice: string): AttachError {
  const message = `unsupported field ${field}: ${advice}`
  return new PodlaceError('plan an attachment', message, { code: 'attach.unsupported-field', field })
}

export function invalidConfiguration(message: string): AttachError {
  return new PodlaceError('plan an attachment', message, { code: 'attach.invalid-configuration' })
}

export function addressConflict(link: string, address: string, wanted: string): AttachError {
  const message =
    `bridge ${link} has address ${address}, which does not go with the gateway ${wanted}: ` +
    'remove it, choose another bridge, or set forceAddress'
  return new PodlaceError('plan an attachment', message, { code: 'attach.address-conflict', link, address })
}

export function hostPortTaken(port: HostPort, owner: string): AttachError {
  const where = `${port.hostIP === undefined ? '' : `${port.hostIP} `}${port.protocol} ${port.hostPort}`
  const message = `host port ${where} leads to ${owner} already: choose another port, or stop that pod`
  const { hostPort } = port
  return new PodlaceError('plan an attachment', message, { code: 'attach.host-port-taken', hostPort, owner })
}

interface HostPort {
  readonly hostIP?: string
  readonly protocol: string
  readonly hostPort: number
}
