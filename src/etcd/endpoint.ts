import { connect as connectTcp } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { etcdError } from './errors.ts'

/** PEM texts for connections by TLS; without `ca` the authorities of the system count. */
export interface TlsFiles {
  readonly ca?: string
  /** Both or none: who we are. */
  readonly cert?: string
  readonly key?: string
}

export interface Endpoint {
  /** `https://10.0.0.10:2379` */
  readonly url: string
  readonly connect: () => Duplex
}

/**
 * @param text `http://host:port` or `https://host:port`
 * @param tls asked for each connection, since certificates are rotated
 * @throws EtcdError `etcd.config`
 */
export function parseEndpoint(text: string, tls: () => TlsFiles): Endpoint {
  const url = URL.parse(text)
  const isSecure = url?.protocol === 'https:'
  if (
    url === null ||
    !(isSecure || url.protocol === 'http:') ||
    url.pathname !== '/' ||
    url.hostname === ''
  ) {
    const message = `expected an endpoint of etcd such as https://10.0.0.10:2379, found "${text}"`
    throw etcdError('read the endpoints of etcd', message, { code: 'etcd.config' })
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = Number(url.port === '' ? (isSecure ? 443 : 80) : url.port)
  const address = { host, port, noDelay: true }
  return {
    url: url.origin,
    connect: () =>
      isSecure
        ? connectTls({ ...address, ...tls(), ...nameOf(host), ALPNProtocols: ['h2'] })
        : connectTcp(address),
  }
}

/** A name that the server may choose its certificate by (RFC 6066 3); it cannot be an address. */
function nameOf(host: string): { servername?: string } {
  return /^[\d.]+$|:/.test(host) ? {} : { servername: host }
}
