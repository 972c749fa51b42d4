import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { AddressGuard } from './address-guard.ts'
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
    for (const address of ['1.1.1.1', '2606:4700::1111']) {
      assert.ok(none.allows(address), address)
    }
    for (const address of ['10.1.2.3', '127.0.0.1', '2002:7f00:1::', 'localhost'])
      assert.ok(!none.allows(address), address)
    const some = new AddressGuard(['10.1.0.0/16', '127.0.0.1', 'fd00::/8'])
    assert.deepEqual(
      ['10.1.9.9', '10.2.0.1', '127.0.0.1', '127.0.0.2', 'fd12::1', '::1'].map((address) => some.allows(address)),
      [true, false, true, false, true, false],
    )
  })
})
