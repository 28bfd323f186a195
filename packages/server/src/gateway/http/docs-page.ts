import { createHash } from "node:crypto";

type Document = Readonly<Record<string, unknown>>;

/** A page that shows both documents, without scripts or external resources. */
export function docsPage(
  openApi: Document,
  asyncApi: Document,
): { readonly headers: Record<string, string>; readonly body: string } {
  const style = css;
  const hash = createHash("sha256").update(style).digest("base64");
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API of the actors</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>API of the actors</h1>
<p>${escaped(textOf(recordOf(openApi["info"])["description"]))}</p>
<p>Documents: <a href="openapi.json">OpenAPI 3.1</a>, <a href="asyncapi.json">AsyncAPI 3.0</a></p>
<nav aria-label="Sections"><ul>${sections(openApi)
    .map(([tag]) => `<li><a href="#${escaped(anchor(tag))}">${escaped(tag)}</a></li>`)
    .join("")}<li><a href="#connections">Connections</a></li></ul></nav>
</header>
<main>
${sections(openApi).map(section).join("\n")}
<section aria-labelledby="connections"><h2 id="connections">Connections</h2>
${Object.values(recordOf(asyncApi["channels"])).map(channel).join("\n")}
</section>
</main>
</body>
</html>
`;
  return {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      "referrer-policy": "no-referrer",
    },
    body,
  };
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly operation: Document;
}

function sections(openApi: Document): (readonly [tag: string, operations: readonly Operation[]])[] {
  const byTag = new Map<string, Operation[]>();
  for (const [path, item] of Object.entries(recordOf(openApi["paths"]))) {
    for (const [method, operation] of Object.entries(recordOf(item))) {
      if (method === "parameters") continue;
      const [tag] = listOf(recordOf(operation)["tags"]);
      const list = byTag.get(textOf(tag)) ?? [];
      list.push({ method, path, operation: recordOf(operation) });
      byTag.set(textOf(tag), list);
    }
  }
  return [...byTag];
}

function section([tag, operations]: readonly [string, readonly Operation[]]): string {
  const id = escaped(anchor(tag));
  return `<section aria-labelledby="${id}"><h2 id="${id}">${escaped(tag)}</h2>
${operations.map(operationOf).join("\n")}
</section>`;
}

function operationOf({ method, path, operation }: Operation): string {
  const request = schemaOf(operation["requestBody"]);
  const [answer] = Object.entries(recordOf(operation["responses"])).filter(
    ([status]) => status !== "default",
  );
  const parameters = listOf(operation["parameters"]).map((each) => textOf(recordOf(each)["name"]));
  return `<details><summary><code class="method">${escaped(method.toUpperCase())}</code> <code>${escaped(path)}</code> <span>${escaped(
    textOf(operation["summary"]),
  )}</span></summary>
${
  parameters.some(Boolean)
    ? `<p>Query: ${parameters
        .filter(Boolean)
        .map((name) => `<code>${escaped(name)}</code>`)
        .join(", ")}</p>`
    : ""
}
${request === undefined ? "" : block("Body", request)}
${answer === undefined ? "" : block(`Answer ${answer[0]}`, schemaOf(answer[1]))}
</details>`;
}

function channel(value: unknown): string {
  const { address, title, messages } = recordOf(value);
  const shown = Object.entries(recordOf(messages)).map(([name, each]) => {
    const { summary, payload } = recordOf(each);
    return `<details><summary><code>${escaped(name)}</code> <span>${escaped(textOf(summary))}</span></summary>${block("Frame", payload)}</details>`;
  });
  return `<h3>${escaped(textOf(title))}</h3><p><code>${escaped(textOf(address))}</code></p>${shown.join("\n")}`;
}

function block(title: string, schema: unknown): string {
  if (schema === undefined) return `<p>${escaped(title)}</p>`;
  return `<p>${escaped(title)}</p><pre tabindex="0">${escaped(JSON.stringify(schema, null, 2))}</pre>`;
}

function schemaOf(value: unknown): unknown {
  const [content] = Object.values(recordOf(recordOf(value)["content"]));
  return recordOf(content)["schema"];
}

function anchor(tag: string): string {
  return `tag-${encodeURIComponent(tag)}`;
}

function recordOf(value: unknown): Document {
  return typeof value === "object" && value !== null ? (value as Document) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

const css = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; padding: 0; }
details { border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding: .4rem 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
summary span { opacity: .8; }
.method { display: inline-block; font-weight: 600; min-width: 4.5rem; }
pre { background: color-mix(in srgb, currentColor 8%, transparent); border-radius: .4rem; overflow-x: auto; padding: .75rem; }
:focus-visible { outline: 2px solid; outline-offset: 2px; }
`;
