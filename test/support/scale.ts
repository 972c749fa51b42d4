/** `small`, or `full` in `npm run test:full`: how many times a test tries something. */
export function scale(small: number, full: number): number {
  // oxlint-disable-next-line node/no-process-env -- the one knob of the tests
  return process.env.ERRAND_TEST_FULL === undefined ? small : full
}
