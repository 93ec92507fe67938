import { PodlaceError } from '../base/index.ts'

/** What this room throws; what it finds wrong with objects it reports instead (see `finding.ts`). */
export interface OverlayErrorPayload {
  readonly code: 'overlay.subnet-env' | 'overlay.net-conf'
  /** 1 for the first line; absent if something is missing. */
  readonly line?: number
}

export function subnetEnvError(message: string, line?: number): PodlaceError<OverlayErrorPayload> {
  const payload = { code: 'overlay.subnet-env' } as const
  return new PodlaceError('read subnet.env', message, line === undefined ? payload : { ...payload, line })
}

export function netConfError(fault: string, line?: number): PodlaceError<OverlayErrorPayload> {
  const payload = { code: 'overlay.net-conf' } as const
  const where = line === undefined ? 'net-conf.json' : `net-conf.json line ${line}`
  const message = `${where}: ${fault}`
  return new PodlaceError('read net-conf.json', message, line === undefined ? payload : { ...payload, line })
}
