import { EditorView } from "@codemirror/view";

/** Colours of the page, and of the tokens in its diffs: the editor has a style sheet of its own. */
export const codeTheme = EditorView.theme({
  "&": { height: "100%", background: "var(--surface)", color: "var(--text)", fontSize: "0.8125rem" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { background: "var(--surface)", color: "var(--muted)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { background: "var(--sunken)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "light-dark(#cfe0f7, #28405f)",
  },
  ".cm-specialChar": { color: "var(--danger)" },
  ".cm-panels": { background: "var(--sunken)", color: "var(--text)", borderColor: "var(--line)" },
  ".cm-tooltip": {
    background: "var(--surface)",
    color: "var(--text)",
    border: "1px solid var(--line-strong)",
    borderRadius: "var(--radius-small)",
  },
  ".cm-diagnostic": { fontSize: "0.8125rem", overflowWrap: "anywhere" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--danger)" },
  ".cm-diagnosticSource": { opacity: 1, color: "var(--muted)" },
  ".cm-diagnosticAction": {
    background: "var(--accent-soft)",
    color: "var(--text)",
    border: "1px solid var(--line-strong)",
    borderRadius: "var(--radius-small)",
  },
  ".cm-textfield": {
    background: "var(--surface)",
    color: "var(--text)",
    border: "1px solid var(--line-strong)",
    borderRadius: "var(--radius-small)",
  },
  ".cm-button": {
    background: "var(--surface)",
    backgroundImage: "none",
    color: "var(--text)",
    border: "1px solid var(--line-strong)",
    borderRadius: "var(--radius-small)",
  },
  ".cm-searchMatch": { background: "var(--warning-soft)", outline: "1px solid var(--warning-line)" },
  ".hljs-comment, .hljs-quote": { color: "var(--code-comment)", fontStyle: "italic" },
  ".hljs-keyword, .hljs-selector-tag, .hljs-literal, .hljs-meta": { color: "var(--code-keyword)" },
  ".hljs-string, .hljs-regexp, .hljs-addition": { color: "var(--code-string)" },
  ".hljs-number, .hljs-attr, .hljs-attribute, .hljs-symbol, .hljs-bullet": { color: "var(--code-number)" },
  ".hljs-title, .hljs-type, .hljs-built_in, .hljs-name, .hljs-section, .hljs-selector-class, .hljs-selector-id":
    {
      color: "var(--code-name)",
    },
});
