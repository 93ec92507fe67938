import { METHODS } from '../../../src/cri/messages.ts'
import { target } from '../engine/target.ts'

/** What a container runtime answers. */

const { response: sandboxStatus } = METHODS.podSandboxStatus

export const criTargets = [
  target({
    name: 'cri.sandbox-status',
    form: 'bytes',
    errors: ['grpc.malformed'],
    seeds: [
      sandboxStatus.encode({
        status: {
          id: 'a1',
          metadata: { name: 'web-1', uid: 'u', namespace: 'default', attempt: 1 },
          state: -1,
          network: { ip: '10.244.1.2', additionalIps: [{ ip: 'fd00::2' }] },
        },
        info: new Map([['info', '{}']]),
      }),
      // Field 99 in each wire type.
      Buffer.from('980601990600000000000000009a0601ff9d0600000000', 'hex'),
    ],
    decode: input => sandboxStatus.decode(input),
    encode: value => sandboxStatus.encode(value),
  }),
]
