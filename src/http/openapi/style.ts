/** Of the page. Follows the reader's choice of light or dark. */
export const STYLE = `:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { margin: 0; display: grid; grid-template-columns: 20rem minmax(0, 1fr); font: 15px/1.5 system-ui, sans-serif; }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 0 1rem; border-right: 1px solid var(--line); box-sizing: border-box; }
nav h1 { font-size: 1.2rem; }
nav h2 { font-size: 1rem; margin: 1rem 0 0; }
nav ul { list-style: none; padding: 0; margin: 0; font-size: 13px; overflow-wrap: anywhere; }
main { padding: 1rem 2rem; max-width: 60rem; }
article { border-top: 1px solid var(--line); padding: .5rem 0 1rem; }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
pre { background: var(--soft); padding: .8rem; overflow: auto; }
table { border-collapse: collapse; }
td { padding: .2rem .8rem .2rem 0; vertical-align: top; border-top: 1px solid var(--line); }
main ul { padding-left: 1.2rem; }
.answer { border-left: 3px solid var(--line); padding-left: .8rem; margin: .4rem 0; }
.answer p { margin: 0; }
a { color: inherit; }
@media (max-width: 50rem) { body { display: block; } nav { position: static; height: auto; border: 0; } }
`
