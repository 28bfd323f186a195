/** HTML whose texts are escaped. */
export class Markup {
  readonly html: string;
  constructor(html: string) {
    this.html = html;
  }
}

type Value = string | Markup | readonly Markup[];

/** A template of HTML: values are escaped unless they are markup themselves. */
export function markup(texts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(texts.map((text, index) => text + render(values[index] ?? "")).join(""));
}

function render(value: Value): string {
  if (value instanceof Markup) return value.html;
  if (typeof value !== "string") return value.map(({ html }) => html).join("");
  return value
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

const style = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 1.5rem; }
pre { overflow-x: auto; padding: 1rem; border: 1px solid; border-radius: 6px; font-size: 0.85rem; }
code { overflow-wrap: anywhere; } .text { white-space: pre-wrap; }
form { display: grid; gap: 0.5rem; justify-items: start; margin: 1rem 0; }
textarea { width: 100%; box-sizing: border-box; font: inherit; }
button { font: inherit; padding: 0.3rem 1rem; }`;

export function page(title: string, content: Markup): string {
  return markup`<!doctype html><html lang="en"><head><meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title}</title><style>${new Markup(style)}</style></head>
    <body><main><h1>${title}</h1>${content}</main></body></html>`.html;
}
