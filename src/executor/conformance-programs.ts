/**
 * What the suite runs: scripts for a POSIX shell with awk. The name is `$0`, so that an engine without a shell, such as
 * the fake, can tell by it what to play.
 */
const SCRIPTS = {
  /** OUT ERR CODE: prints both and exits. */
  print: 'printf %s "$1"; printf %s "$2" >&2; exit "$3"',
  /** FORMAT: prints bytes that are written as octal escapes. */
  bytes: 'printf "$1"',
  /** BYTES: prints as many, in lines of 64. */
  flood: `awk -v n="$1" 'BEGIN { line = sprintf("%063d", 0); for (i = 0; i < n; i += 64) print line }'`,
  /** COUNT: prints `tick 1` and so on, a second apart. */
  tick: 'i=0; while [ $i -lt "$1" ]; do i=$((i + 1)); echo "tick $i"; sleep 1; done',
  /** Prints `ready` and runs until SIGTERM, which it takes with 143. */
  wait: "trap 'exit 143' TERM; echo ready; while :; do sleep 1 & wait $!; done",
  /** Prints `ready` and runs until SIGKILL. */
  stubborn: "trap '' TERM; echo ready; while :; do sleep 1; done",
  /** SIGNAL: prints `ready`; takes that one with `caught` and 5, and does not mind SIGTERM. */
  catch: `trap 'echo caught; exit 5' "$1"; trap '' TERM; echo ready; while :; do sleep 1 & wait $!; done`,
  /** Takes more and more memory. */
  eat: `echo hungry; exec awk 'BEGIN { s = "x"; while (1) s = s s }'`,
  /** Kills itself. */
  kill: 'echo bye; kill -KILL $$',
  /** ROUNDS: computes. */
  spin: 'i=0; while [ $i -lt "$1" ]; do i=$((i + 1)); done',
  /** PATH TEXT CODE: leaves a file. */
  write: 'mkdir -p "$(dirname "$1")"; printf %s "$2" >"$1"; exit "$3"',
  /** Prints its working directory and the variable ANSWER. */
  tell: 'printf "%s\\n%s\\n" "$PWD" "$ANSWER"',
  /** Prints what its cgroup says, of either version. */
  limits: `cd /sys/fs/cgroup
if [ -f memory.max ]; then
  memory=$(cat memory.max) pids=$(cat pids.max); set -- $(cat cpu.max)
else
  memory=$(cat memory/memory.limit_in_bytes) pids=$(cat pids/pids.max)
  set -- $(cat cpu/cpu.cfs_quota_us) $(cat cpu/cpu.cfs_period_us)
fi
echo "memory=$memory pids=$pids cpu=$(($1 * 1000 / $2))"`,
} as const

/** A program of the suite. */
export type ProgramName = keyof typeof SCRIPTS

/** The command of a task that runs one. */
export function commandOf(program: ProgramName, args: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', SCRIPTS[program], program, ...args]
}

/** Every byte value, so that a text encoding anywhere on the way shows. */
export const ALL_BYTES: Buffer = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

/** The argument of `bytes` for `data`. */
export function octal(data: Buffer): string {
  return Array.from(data, (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
}
