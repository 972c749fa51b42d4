import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isAtLeast, parseVersion } from './version.ts'
import { checkVersion, type GatedComponent } from './version-gates.ts'

/** By component: version, level, and what the finding names. */
const CASES: Record<GatedComponent, readonly [string, string, RegExp?][]> = {
  'Docker Engine': [
    ['20.10.24+dfsg1', 'warning', /CVE-2024-29018/],
    ['20.10.0', 'warning', /CVE-2024-29018/],
    ['22.06.0-beta.0', 'warning', /CVE-2024-29018/],
    ['23.0.0', 'problem', /exit status 0/],
    ['23.0.11', 'problem', /exit status 0/],
    ['24.0.2', 'problem', /exit status 0/],
    ['24.0.3', 'warning', /CVE-2024-29018/],
    ['24.0.9', 'warning', /CVE-2024-29018/],
    ['25.0.4', 'warning', /CVE-2024-29018/],
    ['25.0.5-rc.1', 'warning', /CVE-2024-29018/],
    ['25.0.5', 'ok'],
    ['26.1.5+dfsg1', 'ok'],
    ['28.2.2', 'ok'],
    ['30.0.0', 'ok'],
    ['dev', 'warning', /no version/],
  ],
  containerd: [
    ['1.6.20~ds1-1+deb12u3', 'warning'],
    ['1.6.27', 'warning'],
    ['1.6.28', 'ok'],
    ['v1.6.33', 'ok'],
    ['1.7.0', 'warning'],
    ['1.7.12', 'warning'],
    ['1.7.13', 'ok'],
    ['v2.1.4', 'ok'],
    ['05044ec0a9a75232cad458027ca83437aae3f4da', 'warning'],
  ],
  runc: [
    ['1.0.0-rc93', 'problem', /CVE-2024-21626/],
    ['1.1.5', 'problem', /CVE-2024-21626/],
    ['1.1.5+ds1-1', 'problem', /CVE-2024-21626/],
    ['1.1.5+ds1-1+deb12u1', 'warning', /CVE-2025-31133/],
    ['1.1.5+ds1-1+deb12u2', 'warning', /CVE-2025-31133/],
    ['1.0.0~rc93+ds1-5+deb11u5', 'problem', /CVE-2024-21626/],
    ['1.1.11', 'problem', /CVE-2024-21626/],
    ['1.1.12', 'warning', /CVE-2025-31133/],
    ['1.2.7', 'warning', /CVE-2025-31133/],
    ['1.2.8', 'ok'],
    ['1.3.0', 'warning', /CVE-2025-31133/],
    ['1.3.2', 'warning', /CVE-2025-31133/],
    ['1.3.3', 'ok'],
    ['1.4.0-rc.1', 'warning', /CVE-2025-31133/],
    ['1.4.0-rc.2', 'warning', /CVE-2025-31133/],
    ['1.4.0-rc.3', 'ok'],
    ['1.4.0', 'ok'],
  ],
  runsc: [
    ['release-20221219.0', 'warning', /gVisor/],
    ['release-20260302.0', 'ok'],
  ],
  kata: [['3.2.0', 'warning', /GHSA-2gv2-cffp-j227/]],
  'NVIDIA toolkit': [
    ['1.17.7', 'problem', /CVE-2025-23266/],
    ['1.17.8', 'ok'],
    ['1.18.0-rc.1', 'ok'],
  ],
}

for (const [component, cases] of Object.entries(CASES)) {
  describe(`${component}`, () => {
    for (const [version, level, named] of cases) {
      test(`${version} is ${level === 'ok' ? 'fine' : `a ${level}`}`, () => {
        const finding = checkVersion(component as GatedComponent, version, { hasAuthorizationPlugins: false })
        assert.equal(finding.level, level, finding.found)
        assert.ok(finding.found.includes(version))
        assert.equal(finding.advice === undefined, level === 'ok')
        if (named !== undefined) assert.match(finding.found, named)
      })
    }
  })
}

test('authorization plugins need an Engine of their own', () => {
  const level = (version: string) => checkVersion('Docker Engine', version, { hasAuthorizationPlugins: true }).level
  assert.deepEqual(['28.2.2', '29.3.0', '29.3.1'].map(level), ['warning', 'warning', 'ok'])
})

test('versions are ordered by their numbers, and what precedes a release comes before it', () => {
  const order = ['1.2', '1.2.1-rc.1', '1.2.1-rc.2', '1.2.1-rc.10', '1.2.1', '1.2.10', '1.10', '2']
  for (const [at, text] of order.entries()) {
    const version = parseVersion(text)
    assert.ok(version)
    assert.deepEqual(
      order.map((other) => isAtLeast(version, other)),
      order.map((_, place) => place <= at),
    )
  }
})

test('what is no version is none', () => {
  for (const text of ['', 'unknown', 'deadbeef', '-1', 'x1.2']) assert.equal(parseVersion(text), undefined)
})
