import { createHash } from 'node:crypto'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lock, pipe, run } from '../../examples/tasks/offline/command.ts'
import { unpackPackages } from '../../examples/tasks/offline/debian-packages.ts'

const CACHE = join(import.meta.dirname, '../../.cache')
const FILES = join(import.meta.dirname, 'services')

const BASICS = ['busybox-static', 'libc6', 'libgcc-s1', 'libssl3', 'zlib1g']
const SYSTEMD = ['libsystemd0', 'libcap2', 'libgcrypt20', 'libgpg-error0', 'liblz4-1', 'liblzma5', 'libzstd1']
const LDAP = ['libldap-2.5-0', 'libsasl2-2', 'libgnutls30', 'libp11-kit0', 'libidn2-0', 'libunistring2', 'libtasn1-6']
const CRYPTO = ['libnettle8', 'libhogweed6', 'libgmp10', 'libffi8']
const KERBEROS = ['libgssapi-krb5-2', 'libkrb5-3', 'libk5crypto3', 'libkrb5support0', 'libcom-err2', 'libkeyutils1']
const PAM = ['libpam0g', 'libaudit1', 'libcap-ng0', 'libselinux1', 'libpcre2-8-0', 'libcrypt1']
const TEXT = ['libicu72', 'libstdc++6', 'libxml2', 'libreadline8', 'libtinfo6', 'libuuid1', 'tzdata']

interface Service {
  /** Of Debian 12, unpacked into one root. */
  readonly packages: readonly string[]
  /** The user that its server ends up as; known by name in the image. */
  readonly user: { readonly name: string; readonly id: number }
  /** Made with these modes. */
  readonly folders: Readonly<Record<string, number>>
  /** Where the files of its folder go. */
  readonly files: Readonly<Record<string, string>>
  /** As in a Dockerfile. */
  readonly config: readonly string[]
}

export type ServiceName = 'nginx' | 'redis' | 'postgres'

/** Servers as their official images have them: they start as root, own folders on the image, and drop to a user of their own. */
export const SERVICES: Readonly<Record<ServiceName, Service>> = {
  nginx: {
    packages: [...BASICS, 'nginx', 'libcrypt1', 'libpcre2-8-0'],
    user: { name: 'nginx', id: 101 },
    folders: { 'var/cache/nginx': 0o755 },
    files: { 'nginx.conf': 'etc/nginx/nginx.conf' },
    config: ['CMD ["nginx", "-e", "stderr", "-g", "daemon off;"]'],
  },
  redis: {
    packages: [
      ...BASICS,
      ...SYSTEMD,
      'redis-server',
      'redis-tools',
      'gosu',
      'libatomic1',
      'libjemalloc2',
      'liblzf1',
      'libstdc++6',
    ],
    user: { name: 'redis', id: 999 },
    folders: { data: 0o755 },
    files: { 'entrypoint.sh': 'entrypoint.sh' },
    config: ['VOLUME /data', 'WORKDIR /data', 'ENTRYPOINT ["/entrypoint.sh"]', 'CMD ["redis-server"]'],
  },
  postgres: {
    packages: [
      ...BASICS,
      ...SYSTEMD,
      ...LDAP,
      ...CRYPTO,
      ...KERBEROS,
      ...PAM,
      ...TEXT,
      'postgresql-15',
      'postgresql-client-15',
      'libpq5',
      'gosu',
    ],
    user: { name: 'postgres', id: 999 },
    folders: { 'run/postgresql': 0o1777, 'var/lib/postgresql/data': 0o1777 },
    files: { 'entrypoint.sh': 'entrypoint.sh' },
    config: [
      'ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'ENV PGDATA=/var/lib/postgresql/data',
      'VOLUME /var/lib/postgresql/data',
      'ENTRYPOINT ["/entrypoint.sh"]',
      'CMD ["postgres"]',
    ],
  },
}

/** The id of a service's image; made when it is missing, without a registry, and kept for the next run. */
export async function ensureService(name: ServiceName): Promise<string> {
  const image = `errand-test/service-${name}:${await fingerprint(name)}`
  const found = await imageId(image)
  if (found !== undefined) return found
  await mkdir(CACHE, { recursive: true })
  // Test files run side by side: only the first of them builds. The samples share the folder of packages.
  await using _held = await lock(join(CACHE, 'samples.lock'))
  if ((await imageId(image)) === undefined) await build(name, image)
  const made = await imageId(image)
  if (made === undefined) throw new Error(`could not make the image ${image}`)
  return made
}

async function imageId(image: string): Promise<string | undefined> {
  const ids = await run('docker', ['image', 'ls', '--quiet', '--no-trunc', '--filter', `reference=${image}`])
  return ids === '' ? undefined : ids
}

async function fingerprint(name: ServiceName): Promise<string> {
  const hash = createHash('sha256')
    .update(name)
    .update(await readFile(import.meta.filename))
  for (const file of (await readdir(join(FILES, name))).sort()) hash.update(await readFile(join(FILES, name, file)))
  return hash.digest('hex').slice(0, 16)
}

async function build(name: ServiceName, image: string): Promise<void> {
  const root = await mkdtemp(join(CACHE, `service-${name}-`))
  try {
    await fill(root, name)
    const changes = SERVICES[name].config.flatMap((line) => ['--change', line])
    await pipe(
      ['tar', '--numeric-owner', '--owner=0', '--group=0', '-C', root, '-c', '.'],
      ['docker', 'import', ...changes, '-', image],
    )
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

async function fill(root: string, name: ServiceName): Promise<void> {
  const { packages, user, folders, files } = SERVICES[name]
  await unpackPackages(packages, root, join(CACHE, 'debian'))
  for (const [folder, mode] of Object.entries({ etc: 0o755, run: 0o755, tmp: 0o1777, var: 0o755, ...folders })) {
    await mkdir(join(root, folder), { recursive: true })
    await chmod(join(root, folder), mode) // mkdir's mode would pass through the umask
  }
  await chmod(root, 0o755)
  await symlink('/run', join(root, 'var/run'))
  const passwd = ['root:x:0:0::/root:/bin/sh', `${user.name}:x:${user.id}:${user.id}::/:/bin/false`]
  const group = ['root:x:0:', `${user.name}:x:${user.id}:`]
  await writeFile(join(root, 'etc/passwd'), `${passwd.join('\n')}\n`)
  await writeFile(join(root, 'etc/group'), `${group.join('\n')}\n`)
  for (const [file, target] of Object.entries(files))
    await cp(join(FILES, name, file), join(root, target), { recursive: true })
  await linkApplets(root)
}

/** BusyBox is the shell, under the names that the packages have not taken. */
async function linkApplets(root: string): Promise<void> {
  const applets = await run(join(root, 'bin/busybox'), ['--list'])
  for (const applet of applets.split('\n').filter((name) => name !== 'busybox')) {
    await symlink('/bin/busybox', join(root, 'bin', applet)).catch(() => undefined)
  }
}
