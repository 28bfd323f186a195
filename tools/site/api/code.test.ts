import assert from "node:assert/strict";
import { test } from "node:test";
import { linkedCode } from "./code.ts";

test("names of exports are links, but not in comments and texts, and what looks like HTML is text", () => {
  const code = 'interface Room {\n  /** A Kind & more. */\n  kind: Kind<"Kind">;\n}';
  assert.equal(
    linkedCode(code, new Map([["Kind", "./holdfast.md#kind"]])),
    '<pre class="api-code" tabindex="0" v-pre><code><b>interface</b> Room &#123;\n' +
      "  <i>/** A Kind &#38; more. */</i>\n" +
      '  kind: <a href="./holdfast.html#kind">Kind</a>&#60;"Kind"&#62;;\n&#125;</code></pre>',
  );
});
