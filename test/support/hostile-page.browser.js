// Runs in a page, in a browser. See hostile-page.ts.

const JSON_TYPE = { 'content-type': 'application/json' }
const TEXT_TYPE = { 'content-type': 'text/plain' }

/** Asks `base` for every target in every way that a page has; what the page got to read of each. */
globalThis.tryAll = async (base, targets) => {
  const attempts = []
  for (const target of targets) {
    const ways = { ...fetches(base, target), ...(target.method === 'DELETE' ? {} : forms(base, target)) }
    if (target.method === 'GET') Object.assign(ways, elements(base + target.path), streams(base + target.path))
    for (const [how, work] of Object.entries(ways)) {
      const read = await work().catch(() => undefined)
      attempts.push({ how: `${how} ${target.method} ${target.path}`, read })
    }
  }
  return attempts
}

function fetches(base, { method, path, body }) {
  const url = base + path
  const bodied = method === 'GET' ? { method } : { method, body }
  return {
    fetch: () => asking(url, { ...bodied, credentials: 'include' }),
    'fetch as JSON': () => asking(url, { ...bodied, headers: JSON_TYPE }),
    'fetch with a token': () => asking(url, { method, headers: { authorization: 'Bearer x' } }),
    'fetch without CORS': () => asking(url, { ...bodied, mode: 'no-cors', headers: TEXT_TYPE }),
    'fetch that outlives its page': () => asking(url, { ...bodied, mode: 'no-cors', keepalive: true }),
  }
}

async function asking(url, init) {
  const response = await fetch(url, init)
  return response.type === 'opaque' ? undefined : `${response.status} ${await response.text()}`
}

/** With a body that is JSON: `{"a":"` is the name of a field, and what follows its value. */
function forms(base, { method, path, body }) {
  const at = body.indexOf(':"') + 2
  const field = { type: 'hidden', name: body.slice(0, at), value: body.slice(at) }
  const submit = async () => {
    const frame = made('iframe', { name: 'answer' })
    const form = made('form', { method, action: base + path, target: 'answer', enctype: 'text/plain' })
    if (at > 1) form.append(made('input', field))
    document.body.append(frame, form)
    const end = ended(frame, ['load'])
    form.submit()
    await end
    const seen = textIn(frame)
    frame.remove()
    form.remove()
    return seen
  }
  return { form: submit }
}

function elements(url) {
  return {
    image: () => loading(made('img', { src: url })),
    script: () => loading(made('script', { src: url })),
    style: () => loading(made('link', { rel: 'stylesheet', href: url })),
    frame: () => loading(made('iframe', { src: url })),
  }
}

function streams(url) {
  return {
    events: () => opening(new EventSource(url)),
    socket: () => opening(new WebSocket(url.replace('http', 'ws'))),
  }
}

function made(name, properties) {
  return Object.assign(document.createElement(name), properties)
}

function ended(target, names) {
  return new Promise((resolve) => {
    for (const name of names) target.addEventListener(name, resolve, { once: true })
  })
}

async function loading(element) {
  const end = ended(element, ['load', 'error'])
  document.body.append(element)
  const { type } = await end
  const seen = element.tagName === 'IFRAME' ? textIn(element) : type === 'load' ? 'it loaded' : undefined
  element.remove()
  return seen
}

/** Nothing of a frame of another origin. */
function textIn(frame) {
  return frame.contentDocument?.body.textContent ?? undefined
}

async function opening(source) {
  const { type } = await ended(source, ['open', 'error'])
  source.close()
  return type === 'open' ? 'it opened' : undefined
}
