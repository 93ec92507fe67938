import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { addCheckCommand } from './lab/check.ts'
import { addDownCommand } from './lab/down.ts'
import { addExecCommand } from './lab/exec.ts'
import { addFaultCommands } from './lab/fault.ts'
import { addNodeCommands } from './lab/nodes.ts'
import { addRunCommand } from './lab/run.ts'
import { addStatusCommand } from './lab/status.ts'
import { addTraceCommand } from './lab/trace.ts'
import { addUpCommand } from './lab/up.ts'
import { addWorkloadCommand } from './lab/workload.ts'

const HELP = `
A lab is a cluster on one machine: each node is a network and mount namespace with an agent of its own, and nothing
is made in the machine's own namespaces. Several labs can be up at once; --name tells them apart.

Examples:
  podlace lab up --nodes 5 --backend vxlan --name x
  podlace lab status --name x
  podlace lab exec web-1 --name x -- ip route
  podlace lab fault kill-agent node-2 --name x
  podlace lab down --name x`

export function addLabCommands(program: Command, context: CliContext): void {
  const lab = program
    .command('lab')
    .description('a cluster on this machine: make it, look at it, break it')
    .addHelpText('after', HELP)
  addUpCommand(lab, context)
  addStatusCommand(lab, context)
  addExecCommand(lab, context)
  addCheckCommand(lab, context)
  addTraceCommand(lab, context)
  addRunCommand(lab, context)
  addNodeCommands(lab, context)
  addFaultCommands(lab, context)
  addDownCommand(lab, context)
  addWorkloadCommand(lab, context)
}
