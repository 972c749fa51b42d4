import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { AddressGuard, isNetwork } from './address-guard.ts'
import { parseWebhookRule, WebhookPolicy } from './webhook-policy.ts'

function policyOf(...rules: readonly string[]): WebhookPolicy {
  return new WebhookPolicy(
    rules.map((text) => parseWebhookRule(text) ?? assert.fail(`${text} is a rule that is not understood`)),
  )
}

/** The code that a URL is refused with; undefined for one that is allowed. */
function refusal(policy: WebhookPolicy, url: string): string | undefined {
  try {
    policy.assertAllowed(url)
    return undefined
  } catch (error) {
    return ErrandError.from(error).code
  }
}

describe('receivers of webhooks', () => {
  test('a star is one character or more of one part of a name, and of no address', () => {
    const rows: [rule: string, host: string, isAllowed: boolean][] = [
      ['*.example.org', 'a.example.org', true],
      ['*.example.org', 'a.b.example.org', false],
      ['*.example.org', 'example.org', false],
      ['ci-*.example.org', 'ci-7.example.org', true],
      ['ci-*.example.org', 'ci-.example.org', false],
      ['a*b*c.lan', 'axbxc.lan', true],
      ['a*b*c.lan', 'abxc.lan', false],
      ['a*b*c.lan', 'axbc.lan', false],
      ['a*b*c.lan', 'axbybzc.lan', true],
      ['*', 'localhost', true],
      ['*', '[::1]', false],
    ]
    for (const [rule, host, isAllowed] of rows) {
      assert.equal(refusal(policyOf(rule), `https://${host}/`), isAllowed ? undefined : 'forbidden', `${rule} ${host}`)
    }
  })

  test('are only those that the operator names, and none by default', () => {
    assert.equal(refusal(policyOf(), 'https://hooks.example.org/x'), 'forbidden')
    const policy = policyOf('hooks.example.org', '*.ci.example:8443', 'http://ci.lan', 'https://[::1]:9')
    for (const url of [
      'https://hooks.example.org/a?b=c',
      'https://HOOKS.example.org:443/',
      'https://one.ci.example:8443',
      'http://ci.lan/x',
      'https://ci.lan',
      'https://[::1]:9/',
    ]) {
      assert.equal(refusal(policy, url), undefined, url)
    }
    for (const url of [
      'http://hooks.example.org/',
      'https://hooks.example.org:444/',
      'https://hooks.example.org./',
      'https://hooks.example.org.evil/',
      'https://evil-hooks.example.org/',
      'https://hooksXexample.org/',
      'https://one.ci.example/',
      'https://one.two.ci.example:8443/',
      'https://.ci.example:8443/',
      'https://[::2]:9/',
      'https://2130706433/',
      'https://169.254.169.254/latest/meta-data/',
    ]) {
      assert.equal(refusal(policy, url), 'forbidden', url)
    }
  })

  test('are named by plain URLs of HTTP', () => {
    const policy = policyOf('*.example.org')
    for (const url of [
      '',
      'hooks.example.org',
      'ftp://a.example.org/',
      'file:///etc/passwd',
      'https://user@a.example.org/',
      'https://:secret@a.example.org/',
      'https://a.example.org/#x',
      'https://a.example.org/#',
      `https://a.example.org/${'x'.repeat(2048)}`,
    ]) {
      assert.equal(refusal(policy, url), 'validation_failed', url.slice(0, 60))
    }
  })

  test('cannot be named by what is no host', () => {
    for (const text of ['', 'ftp://a', 'a/b', 'a:b', 'https://', 'a b', 'a@b', '.a', 'a:123456', '[x]']) {
      assert.equal(parseWebhookRule(text), undefined, text)
    }
  })
})

describe('addresses', () => {
  test('that are not public are connected to only where the operator names them', () => {
    const none = new AddressGuard([])
    for (const address of ['1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2001:4860::8888']) {
      assert.ok(none.allows(address), address)
    }
    const special = [
      '0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.9.9.9 169.254.169.254 172.16.0.1 172.31.255.255 192.168.0.1',
      '192.0.0.192 198.18.0.1 224.0.0.1 255.255.255.255 203.0.113.5 :: ::1 ::ffff:127.0.0.1 ::ffff:1.1.1.1',
      '::127.0.0.1 64:ff9b::a9fe:a9fe fe80::1 fc00::1 fd00:ec2::254 ff02::1 2001::1 2001:db8::1 2002:7f00:1::',
      'localhost 127.1 fe80::1%eth0 3fff::1',
    ].flatMap((line) => line.split(' '))
    for (const address of special) assert.ok(!none.allows(address), address)
    const some = new AddressGuard(['10.1.0.0/16', '127.0.0.1', 'fd00::/8'])
    assert.deepEqual(
      ['10.1.9.9', '10.2.0.1', '127.0.0.1', '127.0.0.2', 'fd12::1', '::1'].map((address) => some.allows(address)),
      [true, false, true, false, true, false],
    )
  })

  test('and networks are told from what is none', () => {
    for (const text of ['10.0.0.0/8', '127.0.0.1', '::1', 'fc00::/7']) assert.ok(isNetwork(text), text)
    for (const text of ['', 'localhost', '10.0.0.0/33', '10.0.0.0/8/8', '::/129', '10.0.0.0/', '10/8']) {
      assert.ok(!isNetwork(text), text)
    }
  })
})
