import { SERVICE_UID } from './layout.ts'

/**
 * `setpriv`: the service uid, no group but its own, exactly the capabilities named (none, or net_admin made ambient
 * so that it survives the exec), and no way to gain more. The command follows, or further options of setpriv.
 */
export function withoutRoot(capability?: 'net_admin'): string[] {
  const set = capability === undefined ? '-all' : `-all,+${capability}`
  return [
    'setpriv',
    `--reuid=${SERVICE_UID}`,
    `--regid=${SERVICE_UID}`,
    '--clear-groups',
    `--inh-caps=${set}`,
    `--ambient-caps=${set}`,
    `--bounding-set=${set}`,
    '--no-new-privs',
  ]
}
