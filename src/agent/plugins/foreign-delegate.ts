import type { CniResult } from '../../attach/index.ts'
import { NOTHING_ASIDE } from '../../base/index.ts'
import type { NetworkConfiguration } from '../../cni/index.ts'
import { type Attached, type AttachmentRecord, type Prepared, planRecord } from '../attachments/record.ts'
import type { Call } from '../call.ts'
import { ForeignPlugin } from '../foreign-plugin.ts'
import { isOfTheCall } from '../of-the-call.ts'
import type { PodNamespace } from '../pod-namespace.ts'

/** What a plugin of somebody else is told in every call. */
export interface ForeignDelegate {
  readonly plugin: string
  readonly config: Readonly<Record<string, unknown>>
}

const NO_RESULT: CniResult = { interfaces: [], ips: [], routes: [], dns: {} }

/** What is passed on of a call's own configuration. */
function ofTheCall({ raw }: Pick<NetworkConfiguration, 'raw'>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(raw).filter(([key]) => key === 'args' || isOfTheCall(key)))
}

export function foreignDelegate({ plugin, config }: ForeignDelegate, call: Call): ForeignPlugin {
  const raw = { ...config, ...ofTheCall(call.config) }
  return new ForeignPlugin(plugin, { cniVersion: call.config.cniVersion, raw }, call.execute)
}

/** It is run when the record is on disk, as one says then what DEL has to tell it. */
export function attachByForeign(
  delegate: ForeignDelegate,
  call: Call,
  pod: PodNamespace,
  begin: (attached: Attached) => void,
): Prepared {
  const { parameters, config, type } = call
  const { containerId, ifName, pod: identity } = parameters
  const attached = (result: CniResult): Attached => {
    const of = {
      network: config.name,
      containerId,
      ifName,
      ...(identity === undefined ? {} : { pod: identity }),
    }
    const record: AttachmentRecord = {
      type,
      netnsCookie: String(pod.cookie),
      wiring: { plan: 'foreign', spec: { ...of, ...delegate, result } },
    }
    return { record, plan: planRecord(record) }
  }
  const plugin = foreignDelegate(delegate, call)
  const empty = attached(NO_RESULT)
  begin(empty)
  const later = { get: async () => attached(await plugin.add()), giveBack: () => plugin.release() }
  return { result: { ...empty, later }, kept: NOTHING_ASIDE }
}
