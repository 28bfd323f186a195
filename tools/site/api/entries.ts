/** The pages of the API reference, and the modules that each is about. */
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
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
  ["holdfast/db", "database", "holdfast/db", "holdfast/db/drizzle", "holdfast/unstable/migrations"],
  ["holdfast/test", "testing", "holdfast/test"],
  ["holdfast/agent", "agent", "holdfast/agent", "holdfast/agent/chat"],
  ["holdfast/agent-os", "agent-os", "holdfast/agent-os"],
  ["Web frameworks", "server", ...of("holdfast", "express fastify hono next-js next-js/config")],
  ["Errors and logs", "server", "holdfast/errors", "holdfast/log", "holdfast/utils"],
  ["@holdfast/store-sqlite", "store-sqlite", "@holdfast/store-sqlite"],
  ["@holdfast/store-postgres", "store-postgres", "@holdfast/store-postgres"],
  ["@holdfast/store-redis", "store-redis", "@holdfast/store-redis"],
  ["@holdfast/durable-objects", "../how-to/run-on-cloudflare", "@holdfast/durable-objects"],
  ["@holdfast/a2a", "a2a", "@holdfast/a2a"],
  ["@holdfast/ai-sdk", "ai-sdk", "@holdfast/ai-sdk", "@holdfast/ai-sdk/client"],
  ["@holdfast/mcp", "actor-mcp", "@holdfast/mcp"],
  ["@holdfast/langgraph", "../how-to/use-agent-frameworks", "@holdfast/langgraph"],
  ["@holdfast/mastra", "../how-to/use-agent-frameworks", "@holdfast/mastra"],
  ["@holdfast/openai-agents", "../how-to/use-agent-frameworks", "@holdfast/openai-agents"],
  ["@holdfast/sandbox-client", "sandbox-client", "@holdfast/sandbox-client"],
  [
    "Sandbox on this machine",
    "sandbox-client",
    ...of("@holdfast/sandbox-client", "local jail docker podman node"),
  ],
  [
    "Sandbox at a vendor",
    "sandbox-client",
    ...of("@holdfast/sandbox-client", "e2b daytona vercel modal boxlite cloudflare computesdk sprites"),
  ],
  [
    "Transcripts of sandboxes",
    "sandbox-client",
    ...of("@holdfast/sandbox-client", "persist/actor persist/indexeddb persist/postgres persist/sqlite"),
  ],
  ["@holdfast/sandbox", "sandbox", "@holdfast/sandbox"],
  [
    "@holdfast/sandbox-react",
    "sandbox-react",
    "@holdfast/sandbox-react",
    ...of("@holdfast/sandbox-react", "transcript markdown visible-text"),
  ],
  ["@holdfast/gate", "gate", "@holdfast/gate"],
  ["Plugins", "plugins", ...of("@holdfast/gate", "plugin plugin-kit plugin-testing")],
  ["@holdfast/guest", "guest", "@holdfast/guest"],
];

/** Published packages and exports that have no page, each with the reason. */
export const withoutPage: Readonly<Record<string, string>> = {
  "@holdfast/actors": "programs import it as holdfast",
  "@holdfast/adapter-kit": "shared by the packages of frameworks",
  "@holdfast/agent": "programs import it as holdfast/agent",
  "@holdfast/agent-os": "programs import it as holdfast/agent-os",
  "@holdfast/cli": "shared by the commands",
  "@holdfast/client": "programs import it as holdfast/client",
  "@holdfast/core": "shared by all packages",
  "create-holdfast": "a command",
  "holdfast/next-js/client": "the same as holdfast/react",
  "@holdfast/guest/bundle": "for the packages that start jails",
  "@holdfast/inspector-ui": "the inspector as a built page",
  "@holdfast/plugins": "for the Studio, which runs these plugins",
  "@holdfast/react": "programs import it as holdfast/react",
  "@holdfast/sandbox-react/styles.css": "a style sheet",
  "@holdfast/sandbox-ui": "the inspector of sandboxes as a built page",
  "@holdfast/sandbox/cli": "a command of holdfast",
  "@holdfast/sandbox/demo": "a program",
  "@holdfast/sandbox/main": "a program",
  "@holdfast/server": "programs import it as holdfast",
  "@holdfast/store-kit": "shared by the stores on a server",
  "@holdfast/studio": "an application: its API over HTTP is described by its OpenAPI document",
  "@holdfast/test-kit": "programs import it as holdfast/test",
};

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
    guide: posix.join("docs/reference", `${guide}.md`),
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
