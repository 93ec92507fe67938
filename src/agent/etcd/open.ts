import fs from 'node:fs'
import type { Clock } from '../../base/index.ts'
import { EtcdClient } from '../../etcd/index.ts'
import type { AgentConfig } from '../config.ts'

/** A configuration that names an etcd. */
export interface EtcdConfig extends AgentConfig {
  readonly etcdEndpoints: string[]
}

/** The client that the configuration describes. Files are read again when they are needed. */
export function openEtcd(config: EtcdConfig, clock: Clock): EtcdClient {
  const { etcdEndpoints: endpoints, etcdUsername: username } = config
  const password = passwordOf(config)
  const credentials =
    username === undefined || password === undefined
      ? {}
      : { credentials: () => ({ username, password: password() }) }
  return new EtcdClient({ endpoints, tls: () => tlsFiles(config), ...credentials, clock })
}

function passwordOf({ etcdPassword, etcdPasswordFile: file }: AgentConfig): (() => string) | undefined {
  if (etcdPassword !== undefined) return () => etcdPassword
  return file === undefined ? undefined : () => read(file).trim()
}

function tlsFiles({ etcdCaFile, etcdCertFile, etcdKeyFile }: AgentConfig) {
  return {
    ...(etcdCaFile === undefined ? {} : { ca: read(etcdCaFile) }),
    ...(etcdCertFile === undefined ? {} : { cert: read(etcdCertFile) }),
    ...(etcdKeyFile === undefined ? {} : { key: read(etcdKeyFile) }),
  }
}

function read(file: string): string {
  return fs.readFileSync(file, 'utf8')
}
