const MILLIS = 'must be a whole number of milliseconds from 1 to 2147483647'
export const CORES = 'must be a number of cores from 0.1 up, in steps of 0.1'
const COLLECTOR = 'must be an http or https URL without a user, a query and a fragment, or "" for none'
export const ADDRESS = 'must be HOST:PORT, [IPV6]:PORT or unix:/PATH of at most 107 bytes'

/** A broken file and the lines that refuse it. */
export const BROKEN: readonly (readonly [string, readonly string[]])[] = [
  ['cpu: 0', [`/f.yaml:1: cpu: ${CORES}, not 0`]],
  ['cpu: 0.25', [`/f.yaml:1: cpu: ${CORES}, not 0.25`]],
  ['cpu: .inf', [`/f.yaml:1: cpu: ${CORES}, not Infinity`]],
  ['\n\ncpu: four', [`/f.yaml:3: cpu: ${CORES}, not "four"`]],
  ['cpu:', [`/f.yaml:1: cpu: ${CORES}, not nothing`]],
  ['mem: 5', ['/f.yaml:1: mem: must be a whole number of MB from 6 up, not 5']],
  ['mem: 64MiB', ['/f.yaml:1: mem: must be a whole number of MB from 6 up, not "64MiB"']],
  ['timeout: 0', ['/f.yaml:1: timeout: must be a number of minutes above 0 and below 35791, not 0']],
  ['type: podman', ['/f.yaml:1: type: must be docker, not "podman"']],
  ['has_gpu: yes', ['/f.yaml:1: has_gpu: must be true or false, not "yes"']],
  ['cups: 4', ['/f.yaml:1: cups: is not a known key; the nearest is cpu']],
  [
    'tasks:\n  startTimeout: 4',
    ['/f.yaml:2: tasks.startTimeout: is not a known key; the nearest is tasks.startTimeoutMs'],
  ],
  ['startTimeoutMs: 4', ['/f.yaml:1: startTimeoutMs: is not a known key; the nearest is tasks.startTimeoutMs']],
  ['tasks.startTimeoutMs: 4', ['/f.yaml:1: tasks.startTimeoutMs: has a dot: write sections as mappings']],
  ['constructor: 1', ['/f.yaml:1: constructor: is not a known key; the nearest is stateDir']],
  [
    '__proto__: {}',
    ['/f.yaml:1: __proto__: cannot be a key', '/f.yaml:1: __proto__: is not a known key; the nearest is webhooks'],
  ],
  ['isolation: { runtimes: { __proto__: {} } }', ['/f.yaml:1: isolation.runtimes.__proto__: cannot be a key']],
  ['cpu: 1\nmem: 64\ncpu: 2', ['/f.yaml:3: cpu: is given twice']],
  ['log:\n  level: info\n  level: info', ['/f.yaml:3: log.level: is given twice']],
  ['tasks: 5', ['/f.yaml:1: tasks: must be a mapping of keys to values']],
  ['- cpu', ['/f.yaml:1: must be a mapping of keys to values']],
  ['just words', ['/f.yaml:1: must be a mapping of keys to values']],
  ['cpu: 1\n\tmem: 2', ['/f.yaml:2: is not valid YAML: Tabs are not allowed as indentation']],
  [
    'cpu: [1',
    ['/f.yaml:1: is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]'],
  ],
  [
    'cpu: 1\n---\ncpu: 2',
    ['/f.yaml:2: is not valid YAML: Source contains multiple documents; please use YAML.parseAllDocuments()'],
  ],
  ['tasks: *none', ['/f.yaml:1: is not valid YAML: nothing is called &none']],
  ['node: !huge n', ['/f.yaml:1: is not valid YAML: Unresolved tag: !huge']],
  ['auth:\n  tokensFile: x', ['/f.yaml:2: auth.tokensFile: must be an absolute path, not "x"']],
  [
    'tasks: {presets: {nginx: huge}}',
    [
      '/f.yaml:1: tasks.presets.nginx: must be one of root-init, scratch-heavy, scratch-exec, big-shm, many-threads, ' +
        'web-server, postgres, not "huge"',
    ],
  ],
  [
    'tasks:\n  presets: {"a b": web-server}',
    ['/f.yaml:2: tasks.presets.a b: must be a glob of images such as docker.io/library/*, not "a b"'],
  ],
  [
    'images:\n  allow: ["my image"]',
    ['/f.yaml:2: images.allow[0]: must be a glob of images such as docker.io/library/*, not "my image"'],
  ],
  [
    'images:\n  privateRegistries:\n    - http://x',
    ['/f.yaml:3: images.privateRegistries[0]: must be HOST or HOST:PORT, not "http://x"'],
  ],
  ['images:\n  gcHighPercent: 101', ['/f.yaml:2: images.gcHighPercent: must be a whole number from 1 to 100, not 101']],
  ['docker:\n  registryConfig: x', ['/f.yaml:2: docker.registryConfig: must be an absolute path, not "x"']],
  ['docker:\n  host: ssh://x', ['/f.yaml:2: docker.host: must be unix:///PATH, not "ssh://x"']],
  [
    'node: Edge',
    ['/f.yaml:1: node: must be an id: at most 30 of a-z, 0-9 and -, beginning with a letter or digit, not "Edge"'],
  ],
  ['stateDir: state', ['/f.yaml:1: stateDir: must be an absolute path, not "state"']],
  [
    `runDir: /${'r'.repeat(95)}`,
    [
      `/f.yaml:1: runDir: must be a path so short that with /errand.sock it has at most 107 bytes, not "/${'r'.repeat(78)}...`,
    ],
  ],
  ['tasks:\n  readiness: tcp', ['/f.yaml:2: tasks.readiness: must be mark, connect or http:PATH, not "tcp"']],
  [
    'tasks:\n  concurrency: 0',
    ['/f.yaml:2: tasks.concurrency: must be a whole number from 1 up or "unlimited", not 0'],
  ],
  [
    'tasks:\n  maxRequestBytes: 1TiB',
    [
      '/f.yaml:2: tasks.maxRequestBytes: must be a number of bytes or a size such as 16MiB, from 1 to 512MiB, not "1TiB"',
    ],
  ],
  [
    'allowedHosts:\n  - ok.example\n  - bad:80',
    ['/f.yaml:3: allowedHosts[1]: must be a host name without a port, not "bad:80"'],
  ],
  ['allowedHosts: one.example', ['/f.yaml:1: allowedHosts: must be a list of host names, not "one.example"']],
  [
    'isolation:\n  runtimes:\n    kata:\n      allowUnenforced: maybe\n    a b: {}\n    runsc:\n      allowUnenforce: true',
    [
      '/f.yaml:4: isolation.runtimes.kata.allowUnenforced: must be true or false, not "maybe"',
      '/f.yaml:5: isolation.runtimes.a b: must be the name of an OCI runtime, not "a b"',
      '/f.yaml:7: isolation.runtimes.runsc.allowUnenforce: is not a known key; the nearest is allowUnenforced',
    ],
  ],
  ['listen: 127.0.0.1:80', ['/f.yaml:1: listen: must be a list of addresses, not "127.0.0.1:80"']],
  [
    'tracing: {endpoint: "http://user:pw@collector", sampleRatio: 2, headersFile: x}',
    [
      `/f.yaml:1: tracing.endpoint: ${COLLECTOR}, not "http://user:pw@collector"`,
      '/f.yaml:1: tracing.sampleRatio: must be a number from 0 to 1, not 2',
      '/f.yaml:1: tracing.headersFile: must be an absolute path, or "" for none, not "x"',
    ],
  ],
  ['tracing: {endpoint: "grpc://collector"}', [`/f.yaml:1: tracing.endpoint: ${COLLECTOR}, not "grpc://collector"`]],
  ['tracing: {endpoint: "http://c/x?y"}', [`/f.yaml:1: tracing.endpoint: ${COLLECTOR}, not "http://c/x?y"`]],
  ['listen: []', ['/f.yaml:1: listen: must be a list of at least one address, not a list']],
  [
    'listen:\n  - 127.0.0.1:80\n  - address: 0.0.0.0\n    faces: [meca, ui]\n    auth: basic\n    controls: true\n  - 5',
    [
      `/f.yaml:3: listen[1].address: ${ADDRESS}, not "0.0.0.0"`,
      '/f.yaml:4: listen[1].faces[1]: must be a face: meca, v1, docs or metrics, not "ui"',
      '/f.yaml:5: listen[1].auth: must be none, peer or token, not "basic"',
      '/f.yaml:6: listen[1].controls: is not a known key; the nearest is control',
      '/f.yaml:7: listen[2]: must be an address or a mapping with the keys address, faces, auth, control and tls, not 5',
    ],
  ],
  ['listen: ["127.0.0.1:80", "127.0.0.1:80"]', ['/f.yaml:1: listen[1]: 127.0.0.1:80 is listed twice']],
  ['listen: [{ address: "127.0.0.1:80", auth: peer }]', ['/f.yaml:1: listen[0].auth: peer needs a unix: address']],
  [
    'listen: [{ address: "10.0.0.1:80", faces: [v1] }]',
    ['/f.yaml:1: listen[0].faces: beyond this host, v1 needs auth: token'],
  ],
  [
    'listen: [{ address: "10.0.0.1:80", faces: [meca, metrics] }]',
    ['/f.yaml:1: listen[0].faces: beyond this host, metrics needs auth: token'],
  ],
  [
    'listen: [{ address: "10.0.0.1:80", faces: [v1, meca], auth: token }]',
    ['/f.yaml:1: listen[0].faces: under auth: token, meca is not served by this version'],
  ],
  [
    'listen:\n  - address: unix:/run/x.sock\n    tls: {cert: /c.pem, key: /k.pem}\n  - address: 127.0.0.1:1\n    tls: {cert: c.pem, certs: x}',
    [
      '/f.yaml:3: listen[0].tls: is for TCP: a unix socket is not on any network',
      '/f.yaml:5: listen[1].tls.cert: must be an absolute path, not "c.pem"',
      '/f.yaml:5: listen[1].tls.key: must be an absolute path; it is missing',
      '/f.yaml:5: listen[1].tls.certs: is not a known key; the nearest is cert',
    ],
  ],
  [
    'mem: 1\ntasks:\n  startTimeoutMs: 1.5\n  queueTimeoutMs: soon\nlogs: {}',
    [
      '/f.yaml:1: mem: must be a whole number of MB from 6 up, not 1',
      `/f.yaml:3: tasks.startTimeoutMs: ${MILLIS}, not 1.5`,
      `/f.yaml:4: tasks.queueTimeoutMs: ${MILLIS}, not "soon"`,
      '/f.yaml:5: logs: is not a known key; the nearest is log',
    ],
  ],
]
