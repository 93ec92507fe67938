/** Backends that this machine's kernel can do: one suite for all of them. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after } from 'node:test'
import { ip } from './agent-nodes.ts'
import { backendSuite } from './backend-suite.ts'

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-test-'))
after(() => fs.rmSync(directory, { recursive: true, force: true }))

/** Of an administrator, who does what host-gw does. */
function script(name: string, text: string): string {
  const file = path.join(directory, name)
  fs.writeFileSync(file, `#!/bin/sh\nset -e\n${text}\n`, { mode: 0o755 })
  return file
}

backendSuite({
  backend: { type: 'vxlan' },
  dualStack: true,
  // Over IPv6 it takes 20 bytes more, and pods have one MTU.
  overhead: 70,
  damage: ({ netns }) => ip(netns, 'link delete flannel.1'),
  probed: true,
})

backendSuite({
  backend: { type: 'host-gw' },
  dualStack: true,
  overhead: 0,
  damage: ({ netns }) => ip(netns, 'route delete 10.244.2.0/24'),
  probed: true,
})

backendSuite({
  backend: { type: 'udp' },
  dualStack: false,
  overhead: 28,
  damage: ({ netns }) => ip(netns, 'link delete flannel0'),
  probed: true,
})

backendSuite({
  backend: { type: 'alloc' },
  dualStack: true,
  overhead: 0,
  byHand: true,
  probed: false,
})

backendSuite({
  backend: {
    type: 'extension',
    subnetAddCommand: script(
      'add',
      'ip route replace "$SUBNET" via "$PUBLIC_IP"\nip route replace "$IPV6SUBNET" via "$PUBLIC_IPV6"',
    ),
    subnetRemoveCommand: script(
      'remove',
      'ip route delete "$SUBNET" via "$PUBLIC_IP"\nip route delete "$IPV6SUBNET" via "$PUBLIC_IPV6"',
    ),
  },
  dualStack: true,
  overhead: 0,
  probed: false,
})
