import { commandOutput } from './command.ts'
import { badSetting, type LabBackend } from './settings.ts'

/** What a backend needs of the kernel that not every one has; made to see whether it can be. */
const PROBES: { readonly [B in LabBackend]?: readonly string[] } = {
  ipip: ['type', 'ipip', 'local', '192.0.2.1'],
  wireguard: ['type', 'wireguard'],
}

/** Tries the backend's device in a namespace that ends with the attempt. @throws LabError `lab.bad-setting` */
export async function checkKernelFor(backend: LabBackend): Promise<void> {
  const probe = PROBES[backend]
  if (probe === undefined) return
  const argv = ['unshare', '--net', 'ip', 'link', 'add', 'probe', ...probe]
  try {
    await commandOutput(`try a link of type ${backend}`, argv)
  } catch (cause) {
    const advice = `load the module ${backend}, run it on a kernel that has it (make demo GUEST=1, npm run guest), or take another backend`
    throw badSetting('backend', backend, `this kernel makes no links of type ${backend}: ${advice}`, cause)
  }
}
