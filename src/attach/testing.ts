import type { AttachmentSpec } from './plan.ts'

/** A pod's first interface, without addresses. */
export const attachmentSpec: AttachmentSpec = {
  network: 'pods',
  containerId: 'c1',
  ifName: 'eth0',
  sandbox: '/run/netns/web-1',
  hostIdentity: 'node-1',
  ips: [],
  routes: [],
  dns: {},
}

/** The same of a pod that Kubernetes knows. */
export const namedSpec: AttachmentSpec = {
  ...attachmentSpec,
  pod: { namespace: 'default', name: 'web-1' },
}
