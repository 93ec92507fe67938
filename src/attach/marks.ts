/** By what is known, without any record, that something of the host was made for pods. */

/** Names of tables begin so: the guard, host ports, the firewall, masquerading networks. */
const TABLES = ['podlace-guard', 'podlace-portmap', 'podlace-firewall', 'podlace-net-'] as const

/** True of the owner in the alias of a pod's interface, or of a bridge of pods (`attachmentOwner`, `bridge cni0`). */
export function isAttachmentOwner(owner: string): boolean {
  return /^(?:pod|container|bridge) /.test(owner)
}

export function isAttachmentTable(name: string): boolean {
  return TABLES.some(beginning => name.startsWith(beginning))
}
