// Prints 64 KiB of numbered lines, 16 bytes each, and gives up.
for (let line = 0; line < 4096; line += 1) process.stdout.write(`line ${String(line).padStart(10, '0')}\n`)
process.exit(3)
