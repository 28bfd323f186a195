import { actor, event } from "@holdfast/actors";

/**
 * Tells all nodes whose rights may have changed; each node is connected to it. Clients cannot reach it.
 */
export function createAccessChangesActor() {
  return actor({
    createState: (): { version: 1 } => ({ version: 1 }),
    options: { name: "Access changes" },
    events: { changed: event<string>() },
    actions: {
      internal: {
        announce: (c, person: string): void => c.broadcast("changed", person),
      },
    },
  });
}
