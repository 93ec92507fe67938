import { test } from 'node:test'
import { settle, systemClock } from '../base/index.ts'
import { convergenceProperty } from './convergence-property.ts'
import { fakeForeign } from './fake/fake-foreign.ts'
import { FakeKernel } from './fake/fake-kernel.ts'
import { FakeNetwork } from './fake/fake-network.ts'
import type { Harness } from './kernel-suite/harness.ts'
import { suiteSecrets } from './kernel-suite/wireguard.ts'
import { iptablesSuite, kernelSuite, vlanSuite, wireguardSuite } from './kernel-suite.ts'

async function createHarness(): Promise<Harness> {
  const network = new FakeNetwork()
  const kernel = new FakeKernel({ network, wireguardSecrets: suiteSecrets })
  const pod = new FakeKernel({ network })
  let counted = 0
  return {
    kernel,
    handle: kernel,
    foreign: fakeForeign(kernel),
    pod: { handle: pod, kernel: pod },
    clock: systemClock,
    restart: () => new FakeKernel({ namespace: kernel.namespace, wireguardSecrets: suiteSecrets }),
    modifications() {
      const { modifications } = kernel.namespace
      const since = modifications - counted
      counted = modifications
      return since
    },
    async rest() {
      counted = kernel.namespace.modifications
    },
    overflow: meanwhile => kernel.overflow(meanwhile),
    async eventually(holds) {
      for (let turn = 0; turn < 200; turn += 1) {
        if (await holds()) return
        await settle()
        await new Promise(resolve => setTimeout(resolve, 1))
      }
      throw new Error('it never came to hold')
    },
    close() {
      kernel.close()
      pod.close()
    },
  }
}

kernelSuite('FakeKernel', createHarness)
vlanSuite('FakeKernel', createHarness)
iptablesSuite('FakeKernel', createHarness)
wireguardSuite('FakeKernel', createHarness)

test('FakeKernel: every history ends converged, and others are left alone', () =>
  convergenceProperty(createHarness, 150))
