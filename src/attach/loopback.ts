import { attachmentOwner } from './names.ts'
import type { Attachment, AttachmentSpec } from './plan.ts'
import type { CniResult } from './result.ts'

export interface LoopbackSpec extends AttachmentSpec {
  /** What the plugins before it in a chain came to. */
  readonly prevResult?: CniResult
}

/**
 * The pod's `lo`, up; the kernel gives it its addresses then. In a chain the earlier result is passed on as it is.
 */
export function planLoopback(
  spec: Pick<LoopbackSpec, 'containerId' | 'ifName' | 'sandbox' | 'pod' | 'podHasIpv6' | 'prevResult'>,
): Attachment {
  const owner = attachmentOwner(spec)
  return {
    pod: [{ kind: 'link', type: 'device', claim: 'use', name: 'lo', owner, up: true }],
    host: [],
    shared: [],
    displaced: [],
    result: spec.prevResult ?? loopbackResult(spec.sandbox, spec.podHasIpv6 ?? true),
  }
}

function loopbackResult(sandbox: string, ipv6: boolean): CniResult {
  const addresses = ipv6 ? ['127.0.0.1/8', '::1/128'] : ['127.0.0.1/8']
  return {
    interfaces: [{ name: 'lo', mac: '00:00:00:00:00:00', sandbox }],
    ips: addresses.map(address => ({ interface: 0, address })),
    routes: [],
    dns: {},
  }
}
