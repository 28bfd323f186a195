/**
 * The terminal emulator's CSS as a constructed stylesheet: programs need not import a file, and it works under a
 * policy that forbids inline styles.
 */
const layout = `
.xterm { position: relative; height: 100%; cursor: text; user-select: none; }
.xterm.focus, .xterm:focus { outline: none; }
.xterm .xterm-helpers { position: absolute; top: 0; z-index: 5; }
.xterm .xterm-helper-textarea {
  position: absolute; left: -9999em; top: 0; width: 0; height: 0; margin: 0; padding: 0; border: 0;
  opacity: 0; z-index: -5; white-space: nowrap; overflow: hidden; resize: none;
}
.xterm .composition-view { display: none; position: absolute; z-index: 1; white-space: nowrap; background: #000; color: #fff; }
.xterm .composition-view.active { display: block; }
.xterm .xterm-viewport { position: absolute; inset: 0; overflow-y: scroll; cursor: default; }
.xterm .xterm-screen { position: relative; }
.xterm .xterm-screen canvas { position: absolute; left: 0; top: 0; }
.xterm-char-measure-element { display: inline-block; visibility: hidden; position: absolute; top: 0; left: -9999em; line-height: normal; }
.xterm.enable-mouse-events { cursor: default; }
.xterm.xterm-cursor-pointer, .xterm .xterm-cursor-pointer { cursor: pointer; }
.xterm .xterm-accessibility:not(.debug), .xterm .xterm-message {
  position: absolute; inset: 0; z-index: 10; color: transparent; pointer-events: none;
}
.xterm .xterm-accessibility-tree { font-family: monospace; user-select: text; white-space: pre; }
.xterm .xterm-accessibility-tree:not(.debug) *::selection { color: transparent; }
.xterm .xterm-accessibility-tree > div { transform-origin: left; width: fit-content; }
.xterm .live-region { position: absolute; left: -9999px; width: 1px; height: 1px; overflow: hidden; }
.xterm-dim { opacity: 1 !important; }
.xterm-underline-1 { text-decoration: underline; }
.xterm-underline-2 { text-decoration: double underline; }
.xterm-underline-3 { text-decoration: wavy underline; }
.xterm-underline-4 { text-decoration: dotted underline; }
.xterm-underline-5 { text-decoration: dashed underline; }
.xterm-overline { text-decoration: overline; }
.xterm-strikethrough { text-decoration: line-through; }
.xterm .xterm-scrollable-element > .scrollbar { cursor: default; }
.xterm .xterm-scrollable-element > .invisible { opacity: 0; pointer-events: none; }
.xterm .xterm-scrollable-element > .visible { opacity: 1; z-index: 11; }
.xterm .xterm-scrollable-element > .shadow { position: absolute; display: none; }
`;

let shared: CSSStyleSheet | undefined;

/** Adds the emulator's layout to the page of `host`, once. */
export function adoptTerminalStyles(host: Node): void {
  const root = rootOf(host);
  shared ??= sheetOf(layout);
  if (!root.adoptedStyleSheets.includes(shared)) root.adoptedStyleSheets.push(shared);
}

/**
 * The emulator writes colours and sizes into style elements. If the page's policy ignores those, their text is adopted
 * as a stylesheet and kept up to date. Returns a function that stops that.
 */
export function adoptRefusedStyles(host: HTMLElement): () => void {
  const stops = [...host.querySelectorAll("style")]
    // A refused style element has no sheet.
    .filter((style) => style.sheet === null && style.textContent !== "")
    .map((style) => mirror(style, rootOf(host)));
  return () => {
    for (const stop of stops) stop();
  };
}

function mirror(style: HTMLStyleElement, root: Document | ShadowRoot): () => void {
  const sheet = sheetOf(style.textContent ?? "");
  root.adoptedStyleSheets.push(sheet);
  const observer = new MutationObserver(() => sheet.replaceSync(style.textContent ?? ""));
  observer.observe(style, { childList: true, characterData: true, subtree: true });
  return () => {
    observer.disconnect();
    root.adoptedStyleSheets = root.adoptedStyleSheets.filter((other) => other !== sheet);
  };
}

function rootOf(node: Node): Document | ShadowRoot {
  const root = node.getRootNode();
  return root instanceof ShadowRoot ? root : document;
}

function sheetOf(text: string): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
}
