/** The pages of the API reference, and the modules that each is about. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../places.ts";

export interface ApiModule {
  /** As programs import it. */
  readonly specifier: string;
  /** Absolute path. */
  readonly file: string;
}

export interface ApiPage {
  readonly title: string;
  /** On the site, ending with `.md`. */
  readonly path: string;
  /** The page of the documentation that explains it, in the repository. */
  readonly guide: string;
  readonly modules: readonly ApiModule[];
}

const pages: readonly (readonly [title: string, guide: string, ...specifiers: string[]])[] = [
  ["holdfast", "actors", "holdfast"],
  ["holdfast/client", "client", "holdfast/client"],
  ["holdfast/react", "react", "holdfast/react"],
  ["holdfast/workflow", "workflows", "holdfast/workflow"],
  ["holdfast/db", "database", "holdfast/db", "holdfast/unstable/migrations"],
  ["holdfast/test", "testing", "holdfast/test"],
  ["holdfast/agent", "agent", "holdfast/agent", "holdfast/agent/chat"],
  ["holdfast/agent-os", "agent-os", "holdfast/agent-os"],
  ["Web frameworks", "server", "holdfast/express", "holdfast/fastify", "holdfast/hono", "holdfast/next-js"],
  ["Errors and logs", "server", "holdfast/errors", "holdfast/log", "holdfast/utils"],
  ["@holdfast/sandbox-client", "sandbox-client", "@holdfast/sandbox-client"],
  [
    "Sandbox on this machine",
    "sandbox-client",
    ...of("@holdfast/sandbox-client", "local jail docker podman node"),
  ],
  ["Sandbox at a vendor", "sandbox-client", ...of("@holdfast/sandbox-client", "e2b daytona vercel modal")],
  ["@holdfast/sandbox", "sandbox", "@holdfast/sandbox"],
  ["@holdfast/sandbox-react", "sandbox-react", "@holdfast/sandbox-react"],
  ["@holdfast/gate", "gate", "@holdfast/gate"],
  ["Plugins", "plugins", ...of("@holdfast/gate", "plugin plugin-kit plugin-testing")],
  ["@holdfast/guest", "guest", "@holdfast/guest"],
];

function of(name: string, subpaths: string): readonly string[] {
  return subpaths.split(" ").map((subpath) => `${name}/${subpath}`);
}

export function apiPages(): readonly ApiPage[] {
  return pages.map(([title, guide, ...specifiers]) => ({
    title,
    path: `api/${title
      .replace(/^@holdfast\//, "")
      .toLowerCase()
      .replaceAll(/[/ ]/g, "-")}.md`,
    guide: `docs/reference/${guide}.md`,
    modules: specifiers.map((specifier) => ({ specifier, file: sourceOf(specifier) })),
  }));
}

/** The file behind an import, as the package's `exports` say. */
function sourceOf(specifier: string): string {
  const [, name = "", subpath = ""] = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(specifier) ?? [];
  const directory = join(root, "packages", name.replace(/^@holdfast\//, ""));
  const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as {
    exports: Readonly<Record<string, string>>;
  };
  const source = manifest.exports[`.${subpath}`];
  if (source === undefined) throw new Error(`${specifier} is not among the exports of ${name}`);
  return join(directory, source);
}
