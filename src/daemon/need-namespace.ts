import { type CniParameters, type CniRequest, cniError } from '../cni/index.ts'

/** The pod's namespace, for a verb that cannot do without. Throws `cni.invalid-netns` (8) that says why there is none. */
export function needNamespace<Pod>(
  parameters: CniParameters,
  request: CniRequest,
  pod: Pod | undefined,
): Pod {
  if (pod !== undefined) return pod
  throw cniError(
    'invalid-netns',
    parameters.command,
    `the network namespace ${parameters.netns ?? ''} cannot be opened: ${request.netnsError ?? 'no descriptor came'}`,
  )
}
