import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { readKubeconfig } from './kubeconfig.ts'
import { inClusterConnection } from './kubernetes-connection.ts'

const directory = mkdtempSync(join(tmpdir(), 'podlace-kubeconfig-'))
after(() => rmSync(directory, { recursive: true, force: true }))

const base64 = (text: string) => Buffer.from(text).toString('base64')

function write(user: string, more = ''): string {
  const path = join(directory, 'config')
  writeFileSync(join(directory, 'ca.pem'), 'CA')
  writeFileSync(
    path,
    `apiVersion: v1
kind: Config
current-context: lab
contexts:
- {name: lab, context: {cluster: lab, user: me}}
- {name: broken, context: {cluster: missing, user: me}}
clusters:
- name: lab
  cluster: {server: 'https://10.0.0.1:6443', certificate-authority: ca.pem}
users:
- name: me
  user: ${user}
${more}`,
  )
  return path
}

describe('readKubeconfig', () => {
  it('finds server, authority and credentials, inline or beside the file', async () => {
    const token = await readKubeconfig(write('{token: secret}'))
    assert.deepEqual(token, { server: 'https://10.0.0.1:6443', token: 'secret', ca: 'CA' })
    const user = `{client-certificate-data: ${base64('CERT')}, client-key-data: ${base64('KEY')}}`
    const certificate = await readKubeconfig(write(user), 'lab')
    assert.deepEqual([certificate.clientCertificate, certificate.clientKey], ['CERT', 'KEY'])
    const file = await readKubeconfig(write('{tokenFile: token}'))
    assert.equal(file.tokenFile, join(directory, 'token'))
  })

  it('shows nothing of the file when it is no YAML', async () => {
    await assert.rejects(readKubeconfig(write('{token: s3cret', ' : [')), ({ message }: Error) => {
      assert.match(message, /kubeconfig .*line \d+/)
      assert.doesNotMatch(message, /s3cret/)
      return true
    })
  })

  it('says what it cannot use', async () => {
    await assert.rejects(readKubeconfig(write('{exec: {command: aws}}')), /"exec" are not supported/)
    await assert.rejects(readKubeconfig(write('{}'), 'other'), /no context "other"/)
    await assert.rejects(readKubeconfig(write('{}'), 'broken'), /has no server/)
    await assert.rejects(readKubeconfig(write('{}', ' : [')), /kubeconfig/)
    await assert.rejects(readKubeconfig(join(directory, 'missing')), /cannot read the kubeconfig/)
  })
})

describe('inClusterConnection', () => {
  it('is made from what a pod gets', () => {
    const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }
    const connection = inClusterConnection(environment, '/sa')
    assert.deepEqual(connection, {
      server: 'https://[fd00::1]:6443',
      tokenFile: '/sa/token',
      caFile: '/sa/ca.crt',
    })
    assert.throws(() => inClusterConnection({}), /KUBERNETES_SERVICE_HOST is not set/)
  })
})
