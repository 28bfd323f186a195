/**
 * The time of an answer must not depend on a secret: secrets are compared as hashes or in constant time, and looked up
 * by their hash. Timing cannot show that on a busy machine, so the sources are searched for forbidden comparisons.
 * Names that only look like secrets are listed with their meaning.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Those whose processes are asked by strangers. */
const packages = [
  "actors",
  "client",
  "core",
  "gate",
  "guest",
  "holdfast",
  "plugins",
  "sandbox",
  "server",
  "studio",
];

const secretName =
  /(?:^|[a-z_])(?:secret|token|ticket|password|passphrase|bearer|signature|apikey|nonce|verifier|cookie|hmac)s?$/i;

/** "file: comparison" of names alone, and what they are. */
const known: Readonly<Record<string, string>> = {
  "packages/gate/src/attacks/protocol.ts: all.includes(secret)":
    "a search for a planted secret in all answers",
  "packages/gate/src/plugins/runtime/testing.ts: text.includes(secret)": "the same, for authors of plugins",
  "packages/gate/src/policy/glob.ts: token === tokens.length": "a place in a pattern",
  "packages/sandbox/src/cli/opencode.ts: server.token !== token":
    "two settings of the person's own command line",
  "packages/server/src/gateway/sockets/raw-sockets.ts: headers.has(header.token)": "the name of a header",
  "packages/server/src/gateway/sockets/raw-sockets.ts: headers.get(header.token)": "the name of a header",
  "packages/actors/src/internal/workflow/run/child.ts: data.token === token":
    "which child is meant, within the parent's own record",
  "packages/actors/src/internal/workflow/run/child.ts: child.header.parent?.token === address.token":
    "whose child it is, within its own record",
  "packages/gate/src/vault/grants.ts: grant.secret === secret": "the name of a secret, which is none",
  "packages/studio/src/administration/secrets.ts: grant.secret === name": "the same",
  "packages/server/src/directory/hibernating-connections.ts: this.#byToken.get(token)":
    "the random id of a connection, found by a hash with a seed of the process",
  "packages/studio/src/backend/value-tokens.ts: this.#values.get(token)": "never leaves the process",
};

/** A name with what it belongs to, without calls. */
const operand = String.raw`[\w$#]+(?:\??\.[\w$#]+)*`;
const equality = new RegExp(String.raw`(${operand})\s*(?:===|!==|==|!=)\s*(${operand})(?!\s*[.(\w])`, "g");
const lookup = new RegExp(
  String.raw`${operand}\.(?:get|has|indexOf|includes|startsWith|endsWith|localeCompare|equals)\((${operand})\)`,
  "g",
);
const literal = /^(?:undefined|null|true|false|\d.*)$/;

const last = (name: string) => name.split(".").at(-1)?.replace(/^#/, "") ?? "";

/** Comparisons of a text that end at the first difference, and look-ups by a secret itself. */
function comparisonsIn(text: string): string[] {
  const found: string[] = [];
  for (const [whole, left = "", right = ""] of text.matchAll(equality)) {
    if (literal.test(left) || literal.test(right)) continue;
    if (secretName.test(last(left)) || secretName.test(last(right))) found.push(whole.replace(/\s+/g, " "));
  }
  for (const [whole, given = ""] of text.matchAll(lookup)) {
    if (secretName.test(last(given))) found.push(whole);
  }
  return found;
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

/** Where a secret that a stranger sends meets the one that is kept. */
const meetings: readonly { readonly file: string; readonly by: RegExp }[] = [
  {
    file: "packages/sandbox/src/http/guard.ts",
    by: /timingSafeEqual\(hashToken\(token\), this\.#tokenHash\)/,
  },
  {
    file: "packages/sandbox/src/processes/supervision/preview.ts",
    by: /timingSafeEqual\(\s*hashToken\([^;]+\),\s*hashToken\(origin\.secret\),?\s*\)/,
  },
  { file: "packages/sandbox/src/processes/output/tickets.ts", by: /const key = hash\(text\)/ },
  {
    file: "packages/studio/src/groups/webhook-secret.ts",
    by: /timingSafeEqual\(digest\(expected\), digest\(actual\)\)/,
  },
  { file: "packages/studio/src/http/logins.ts", by: /createHash\("sha256"\)/ },
  {
    file: "packages/server/src/internal/same-text.ts",
    by: /for \(let at = 0; at < secret\.length; at\+\+\) difference \|= \(given\[at\] \?\? 0\) \^ \(secret\[at\] \?\? 0\);/,
  },
  { file: "packages/server/src/namespaces/namespaces.ts", by: /isSameText\(text, token\)/ },
  { file: "packages/server/src/cluster/links/handshake.ts", by: /timingSafeEqual\(given, expected\)/ },
  { file: "packages/server/src/management/access.ts", by: /isSameText\(bearer, inspector\.token\)/ },
];

describe("a secret that is presented", () => {
  test("is compared with nothing that ends at the first difference, and is no key of a look-up", () => {
    const found = packages.flatMap((name) =>
      globSync(`packages/${name}/src/**/*.ts`, { cwd: root })
        .filter((file) => !file.endsWith(".test.ts"))
        .toSorted()
        .flatMap((file) => {
          const text = withoutComments(readFileSync(join(root, file), "utf8"));
          return comparisonsIn(text).map((each) => `${file}: ${each}`);
        }),
    );
    assert.deepEqual(
      found.filter((each) => !Object.hasOwn(known, each)),
      [],
    );
  });

  test("meets the one that is kept as a hash or in constant time, wherever one is asked for", () => {
    for (const { file, by } of meetings) assert.match(readFileSync(join(root, file), "utf8"), by, file);
  });

  test("would be noticed in any of the ways in which it is done wrong", () => {
    for (const wrong of [
      "if (given === this.#token) return;",
      "return options.token !== bearer;",
      "tickets.get(ticket)",
      "known.includes(request.apiKey)",
      "signature.equals(expectedSignature)",
      "a.password ==\n  b",
    ]) {
      assert.equal(comparisonsIn(wrong).length, 1, wrong);
    }
    for (const right of [
      "if (token === undefined) return;",
      "timingSafeEqual(hash(token), kept)",
      "tokens === 3",
    ]) {
      assert.deepEqual(comparisonsIn(right), [], right);
    }
  });
});
