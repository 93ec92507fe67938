/** Backends that take modules which a machine's kernel may lack: the suite of all backends. */
import { ip } from '../netns/agent-nodes.ts'
import { backendSuite } from '../netns/backend-suite.ts'

backendSuite({
  backend: { type: 'ipip' },
  dualStack: false,
  overhead: 20,
  damage: ({ netns }) => ip(netns, 'link delete flannel.ipip'),
  probed: true,
})

backendSuite({
  backend: { type: 'wireguard' },
  dualStack: true,
  overhead: 80,
  damage: ({ netns }) => ip(netns, 'link delete flannel-wg'),
  probed: true,
})
