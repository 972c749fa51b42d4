/** `small`, or `full` in `npm run test:full`: how many times a test tries something, or what. */
export function scale<T>(small: T, full: T): T {
  // oxlint-disable-next-line node/no-process-env -- the one knob of the tests
  return process.env.ERRAND_TEST_FULL === undefined ? small : full
}
