import type { Command } from 'commander'
import { jsonLogger } from '../../base/index.ts'
import type { CliContext } from '../context.ts'
import { hostAndPort } from '../options.ts'
import { aborted } from '../stop-signal.ts'
import { VERSION } from '../version.ts'

interface ApiServerFlags {
  readonly listen: { readonly host: string; readonly port: number }
  readonly data: string
  readonly tokenFile?: string
}

const HELP = `
Example:
  podlace apiserver --listen 127.0.0.1:6443 --data /var/lib/podlace/store.sqlite --token-file token
  curl -H "Authorization: Bearer $(cat token)" http://127.0.0.1:6443/api/v1/nodes`

export function addApiServerCommand(program: Command, context: CliContext): void {
  program
    .command('apiserver')
    .description('run the embedded Kubernetes API server')
    .option('--listen <host:port>', 'address to serve HTTP on', hostAndPort, hostAndPort('127.0.0.1:6443'))
    .requiredOption('--data <path>', 'the database file')
    .option('--token-file <path>', 'file with the bearer token that clients must show')
    .addHelpText('after', HELP)
    .action(async (flags: ApiServerFlags) => {
      const { runApiServer } = await import('../../apiserver/index.ts')
      const { listen, data, tokenFile } = flags
      const server = await runApiServer({
        host: listen.host,
        port: listen.port,
        database: data,
        version: VERSION,
        log: jsonLogger('info', { program: 'apiserver' }),
        ...(tokenFile === undefined ? {} : { tokenFile }),
      })
      await aborted(context.signal)
      await server.close()
    })
}
