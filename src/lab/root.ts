import { labError } from './errors.ts'

/** @throws LabError `lab.not-root` */
export function checkRoot(uid: number): void {
  if (uid === 0) return
  const message =
    'the lab needs root, because it makes network namespaces: run the same command with sudo, or as root'
  throw labError('check for root', message, { code: 'lab.not-root' })
}
