import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GroupEventView, GroupView, StudioClient } from "../src/index.ts";

/** Writes `groups.json` to a data directory. */
export function writeGroups(dataDirectory: string, groups: Readonly<Record<string, unknown>>): void {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  writeFileSync(join(dataDirectory, "groups.json"), JSON.stringify({ version: 1, groups }));
}

const manifest = (session: string | undefined) => ({
  description: "Brings messages in",
  version: "1.0.0",
  app_compat: ">=0.1.0",
  author: { name: "Test" },
  provides: {
    channels: ["post"],
    tools: [
      {
        name: "post_look",
        description: "Nothing",
        risk_level: "low",
        arguments_schema: { type: "object", additionalProperties: false, properties: {} },
      },
    ],
  },
  subscribes: [],
  ...(session === undefined ? {} : { session }),
});

/**
 * A channel plugin with an outbox: it publishes each file of its folder and deletes the file once the event is
 * accepted. If the event is rejected permanently, a file with the reason replaces it.
 */
const handler = `
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
let timer;
const look = async (folder, publish) => {
  for (const name of readdirSync(folder).filter((each) => each.endsWith(".json")).sort()) {
    const path = join(folder, name);
    try {
      await publish(JSON.parse(readFileSync(path, "utf8")));
      rmSync(path);
    } catch (error) {
      // Of a server that starts or ends it is tried again; of anything else it is told in one step.
      if (/starting|shutting down|gone/.test(error.message)) continue;
      writeFileSync(path + ".why", String(error.message));
      renameSync(path + ".why", path + ".refused");
      rmSync(path);
    }
  }
  timer = setTimeout(() => void look(folder, publish), 50);
};
export default {
  async initialize(services) {
    if (!services.verifyOnly) timer = setTimeout(() => void look(services.dataDirectory, services.publishEvent), 10);
  },
  async handleToolInvocation() {
    return { ok: true, result: {} };
  },
  async resolveSession(event, sessions) {
    return event.payload.metadata?.reply === true ? sessions.latest() : null;
  },
  async shutdown() {
    clearTimeout(timer);
  },
};
`;

/** Installs the channel plugin "post" in a data directory; `publish` sends events through it. */
export function installChannel(dataDirectory: string, session?: string): void {
  const folder = join(dataDirectory, "plugins", "post");
  mkdirSync(join(folder, "skills"), { recursive: true });
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest(session)));
  writeFileSync(join(folder, "skills", "post.md"), "# Post\n");
  writeFileSync(join(folder, "handler.ts"), handler);
}

export interface Message {
  readonly group: string;
  readonly id: string;
  readonly body: string;
  readonly reply?: boolean;
}

/** Puts a message into the channel's outbox, which the plugin polls. */
export function publish(dataDirectory: string, { group, id, body, reply = false }: Message): string {
  const folder = join(dataDirectory, "gate", "plugins", "post", "data");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${id}.json`);
  const payload = { channel: "post", sender: "eve", content_type: "text", body, metadata: { id, reply } };
  // Atomic, because the plugin may read at any time.
  writeFileSync(`${path}.partial`, JSON.stringify({ topic: "message.inbound", group, payload }));
  renameSync(`${path}.partial`, path);
  return path;
}

/** Reason of the channel's last rejection; undefined before the first one. */
export function rejectionReason(path: string): string | undefined {
  return existsSync(`${path}.refused`) ? readFileSync(`${path}.refused`, "utf8") : undefined;
}

/** Resolves with the first view of a group that satisfies `is`, driven by its events. */
export async function untilGroup(
  client: StudioClient,
  name: string,
  is: (view: GroupView) => boolean,
  what: string,
): Promise<GroupView> {
  const group = client.group(name);
  let changed = Promise.withResolvers<void>();
  const watch = await group.on("changed", () => changed.resolve());
  const deadline = Date.now() + 240_000;
  try {
    for (;;) {
      const view = await group.get();
      if (is(view)) return view;
      const left = deadline - Date.now();
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(
        () => late.reject(new Error(`${what} did not happen; last: ${JSON.stringify(view)}`)),
        Math.max(1, left),
      );
      try {
        await Promise.race([changed.promise, late.promise]);
      } finally {
        clearTimeout(timer);
      }
      changed = Promise.withResolvers<void>();
    }
  } finally {
    await watch.close();
  }
}

export function haveEnded({ events }: GroupView, count: number): boolean {
  return events.length >= count && events.every(({ endedAt }) => endedAt !== undefined);
}

export function byId(events: readonly GroupEventView[]): GroupEventView[] {
  return [...events].sort((a, b) => a.seq - b.seq);
}
