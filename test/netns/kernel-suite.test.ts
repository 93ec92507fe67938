import { test } from 'node:test'
import { convergenceProperty } from '../../src/kernel/convergence-property.ts'
import { iptablesSuite, kernelSuite } from '../../src/kernel/kernel-suite.ts'
import { createHarness } from './kernel-harness.ts'

kernelSuite('NetlinkKernel', createHarness)

test('NetlinkKernel: every history ends converged, and others are left alone', () =>
  convergenceProperty(createHarness, 12))
iptablesSuite('NetlinkKernel', createHarness)
