import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findCpuCounter } from './cgroup-cpu.ts'
import { HostFolder } from './host-folder.fixture.ts'

test('version 1: the counter is read where the joined controllers are mounted', () => {
  using host = new HostFolder()
  host.write('proc/7/cgroup', '5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/system.slice/dockerd\n')
  host.write('cgroup/cpu,cpuacct/docker/abc/cpuacct.usage', '1500000000\n')
  assert.equal(findCpuCounter(host, 7)?.(), 1500)
})

test('version 1: the counter is read where cpuacct is mounted by itself', () => {
  using host = new HostFolder()
  host.write('proc/7/cgroup', '4:cpuacct:/docker/abc\n')
  host.write('cgroup/cpuacct/docker/abc/cpuacct.usage', '2000000\n')
  assert.equal(findCpuCounter(host, 7)?.(), 2)
})

test('version 2: the counter is read from cpu.stat', () => {
  using host = new HostFolder()
  host.write('proc/7/cgroup', '0::/system.slice/docker-abc.scope\n')
  host.write('cgroup/system.slice/docker-abc.scope/cpu.stat', 'usage_usec 2500\nuser_usec 2000\nsystem_usec 500\n')
  assert.equal(findCpuCounter(host, 7)?.(), 2.5)
})

test('a process, cgroup or counter that is not there has no counter', () => {
  using host = new HostFolder()
  host.write('proc/7/cgroup', '4:cpuacct:/docker/abc\n0::/docker/abc\n')
  host.write('proc/8/cgroup', 'what is this\n')
  for (const pid of [7, 8, 9]) assert.equal(findCpuCounter(host, pid), undefined)
})

test('a counter that goes away with its cgroup becomes undefined', () => {
  using host = new HostFolder()
  host.write('proc/7/cgroup', '0::/abc\n')
  host.write('cgroup/abc/cpu.stat', 'usage_usec 1000\n')
  const counter = findCpuCounter(host, 7)
  host.remove('cgroup/abc')
  assert.equal(counter?.(), undefined)
})

test('neither the cgroup of the daemon nor that of the whole host is taken for an instance', () => {
  using host = new HostFolder()
  host.write('proc/self/cgroup', '0::/daemon\n')
  host.write('proc/7/cgroup', '0::/daemon\n')
  host.write('proc/8/cgroup', '0::/\n')
  host.write('cgroup/daemon/cpu.stat', 'usage_usec 1000\n')
  host.write('cgroup/cpu.stat', 'usage_usec 1000\n')
  assert.equal(findCpuCounter(host, 7), undefined)
  assert.equal(findCpuCounter(host, 8), undefined)
})
